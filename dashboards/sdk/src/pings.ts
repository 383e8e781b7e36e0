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
  #sent = 0;
  #sent_us = 0;
  #waiting: string | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  readonly #send: (request: Record<string, unknown>) => void;
  constructor(send: (request: Record<string, unknown>) => void) {
    this.#send = send;
  }

  start(): void {
    this.#sent = 0;
    this.#ping();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#waiting = undefined;
  }

  pong(id: unknown, server_us: number): void {
    if (id !== this.#waiting) return;
    this.offset.add(this.#sent_us, server_us, nowUs());
    if (this.#sent < QUICK) this.#ping();
  }

  #ping(): void {
    this.#waiting = `ping-${++this.#sent}`;
    this.#sent_us = nowUs();
    this.#send({ op: 'ping', id: this.#waiting });
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#ping(), EVERY_MS);
  }
}
