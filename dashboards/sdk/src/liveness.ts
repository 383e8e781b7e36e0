/**
 * Notices that nothing comes any more: `stale` after two missed heartbeats, `dead` after twice that. Any frame is a sign
 * of life. One timer, armed again only when it fires, so a busy feed costs one assignment a frame.
 */
export type Silence = 'none' | 'stale' | 'dead';

/** Added to the wait, so that a heartbeat that is merely on its way does not count as missed. */
const GRACE_MS = 250;

export class Liveness {
  private heartbeatMs = 0;
  private heardAt = 0;
  private silence: Silence = 'none';
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly changed: (silence: Silence) => void) {}

  /** Starts watching; a server that sends no heartbeats (0) is never called stale. */
  start(heartbeatMs: number): void {
    this.stop();
    this.heartbeatMs = heartbeatMs;
    this.heard();
    if (heartbeatMs > 0) this.arm();
  }

  heard(): void {
    this.heardAt = Date.now();
    if (this.silence === 'none') return;
    this.silence = 'none';
    this.changed('none');
    this.arm();
  }

  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.silence = 'none';
  }

  private arm(): void {
    clearTimeout(this.timer);
    const patience = this.heartbeatMs * (this.silence === 'none' ? 2 : 4) + GRACE_MS;
    const left = this.heardAt + patience - Date.now();
    this.timer = setTimeout(() => this.check(patience), Math.max(left, 1));
  }

  private check(patience: number): void {
    if (Date.now() - this.heardAt < patience) return this.arm();
    this.silence = this.silence === 'none' ? 'stale' : 'dead';
    this.changed(this.silence);
    if (this.silence === 'stale') this.arm();
  }
}
