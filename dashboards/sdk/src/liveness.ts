/**
 * Notices that nothing comes any more: `stale` after two missed heartbeats, `dead` after twice that. Any frame is a sign
 * of life. One timer, armed again only when it fires, so a busy feed costs one assignment a frame.
 */
export type Silence = 'live' | 'stale' | 'dead';

/** Added to the wait, so that a heartbeat that is merely on its way does not count as missed. */
const GRACE_MS = 250;

export class Liveness {
  #heartbeatMs = 0;
  #heardAt = 0;
  #silence: Silence = 'live';
  #timer: ReturnType<typeof setTimeout> | undefined;

  readonly #changed: (silence: Silence) => void;
  constructor(changed: (silence: Silence) => void) {
    this.#changed = changed;
  }

  /** Starts watching; a server that sends no heartbeats (0) is never called stale. */
  start(heartbeatMs: number): void {
    this.stop();
    this.#heartbeatMs = heartbeatMs;
    this.heard();
    if (heartbeatMs > 0) this.#arm();
  }

  heard(): void {
    this.#heardAt = Date.now();
    if (this.#silence === 'live') return;
    this.#silence = 'live';
    this.#changed('live');
    this.#arm();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#silence = 'live';
  }

  /** Looks at once, for a page whose timers were asleep. */
  look(): void {
    if (this.#timer) this.#check();
  }

  get #left(): number {
    const patience = this.#heartbeatMs * (this.#silence === 'live' ? 2 : 4) + GRACE_MS;
    return this.#heardAt + patience - Date.now();
  }

  #arm(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#check(), Math.max(this.#left, 1));
  }

  #check(): void {
    if (this.#left > 0) return this.#arm();
    this.#silence = this.#silence === 'live' ? 'stale' : 'dead';
    this.#changed(this.#silence);
    if (this.#silence === 'stale') this.#arm();
  }
}
