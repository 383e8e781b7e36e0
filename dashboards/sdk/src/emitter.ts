/**
 * Typed events for the client and its subscriptions. A listener that throws is reported as uncaught and disturbs neither
 * the others nor the bookkeeping.
 */
type Listener = (...values: never[]) => void;

export class Emitter<E extends { [K in keyof E]: Listener }> {
  readonly #listeners: { [K in keyof E]?: Set<E[K]> } = {};

  /** Listens; the returned function ends it. */
  on<K extends keyof E>(event: K, listener: E[K]): () => void {
    const set = (this.#listeners[event] ??= new Set());
    set.add(listener);
    return () => set.delete(listener);
  }

  /** For the library itself. */
  emit<K extends keyof E>(event: K, ...values: Parameters<E[K]>): void {
    for (const listener of this.#listeners[event] ?? []) {
      try {
        listener(...values);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
