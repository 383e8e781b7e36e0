/**
 * A bounded async iterator over the messages of a subscription. Either keeps everything and drops the oldest beyond its
 * bound, or keeps the newest of each symbol and channel only. Whatever a slow reader misses is counted in `dropped`.
 */
import { channelOf, type Bar, type Data, type Gap } from './messages.ts';

/** What a subscription hands out. A `gap` says that events of its symbol were lost. */
export type FeedItem = Data | Bar | Gap;

export interface InboxOptions {
  /** Messages that may wait; the oldest go beyond it. 1024 if left out. */
  buffer?: number;
  /** Ends the iteration. */
  signal?: AbortSignal;
}

/** Ends with `return`, with its signal, or with its subscription; then the rest can still be read. */
export interface FeedIterator<T> extends AsyncIterableIterator<T> {
  /** Messages that were replaced or dropped before they were read. */
  readonly dropped: number;
}

export class Inbox implements FeedIterator<FeedItem> {
  dropped = 0;
  readonly #waiting = new Map<unknown, FeedItem>();
  readonly #latest: boolean;
  readonly #left: (inbox: Inbox) => void;
  readonly #bound: number;
  #wakes: (() => void)[] = [];
  #count = 0;
  #over: { error: Error | undefined } | undefined;

  constructor(
    latest: boolean,
    left: (inbox: Inbox) => void,
    { buffer = 1024, signal }: InboxOptions = {},
  ) {
    this.#latest = latest;
    this.#left = left;
    this.#bound = latest ? Infinity : buffer;
    if (signal?.aborted) this.end();
    signal?.addEventListener('abort', () => this.end());
  }

  /** For the subscription. */
  push(item: FeedItem): void {
    if (this.#latest && item.T === 'gap') return;
    const key = this.#latest
      ? `${item.T === 'b' ? item.i : channelOf(item as Data)}|${item.S}`
      : this.#count++;
    const waiting = this.#waiting;
    const before = waiting.size;
    waiting.set(key, item);
    if (waiting.size > this.#bound) waiting.delete(waiting.keys().next().value);
    if (waiting.size === before) this.dropped += 1;
    this.#wake();
  }

  /** Nothing more comes; what waits can still be read, then `error` is thrown if there is one. */
  end(error?: Error): void {
    this.#over ??= { error };
    this.#left(this);
    this.#wake();
  }

  async next(): Promise<IteratorResult<FeedItem, undefined>> {
    for (;;) {
      for (const [key, value] of this.#waiting) {
        this.#waiting.delete(key);
        return { value, done: false };
      }
      if (this.#over?.error) throw this.#over.error;
      if (this.#over) return { value: undefined, done: true };
      await new Promise<void>((resolve) => this.#wakes.push(resolve));
    }
  }

  async return(): Promise<IteratorResult<FeedItem, undefined>> {
    this.#waiting.clear();
    this.end();
    return { value: undefined, done: true };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #wake(): void {
    for (const wake of this.#wakes.splice(0)) wake();
  }
}
