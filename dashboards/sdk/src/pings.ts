/**
 * Asks the server for its time: a few pings right after the welcome, then one now and then. Feeds the clock offset; has no
 * say in liveness (that is the heartbeats' job).
 */
import { ClockOffset } from './clock.ts';

const QUICK = 4;
const EVERY_MS = 10_000;

/** Our clock, µs since the Unix epoch, finer than a millisecond. */
export function nowUs(): number {
  return (performance.timeOrigin + performance.now()) * 1000;
}

export class Pings {
  readonly offset = new ClockOffset();
  private sent = 0;
  private waiting: { id: string; sent_us: number } | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly send: (request: Record<string, unknown>) => void) {}

  start(): void {
    this.stop();
    this.sent = 0;
    this.ping();
  }

  stop(): void {
    clearTimeout(this.timer);
    this.waiting = undefined;
  }

  pong(id: unknown, server_us: number): void {
    if (!this.waiting || id !== this.waiting.id) return;
    this.offset.add(this.waiting.sent_us, server_us, nowUs());
    this.waiting = undefined;
    if (this.sent < QUICK) this.ping();
  }

  private ping(): void {
    this.sent += 1;
    this.waiting = { id: `ping-${this.sent}`, sent_us: nowUs() };
    this.send({ op: 'ping', id: this.waiting.id });
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.ping(), EVERY_MS);
  }
}
