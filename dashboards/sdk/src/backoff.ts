/**
 * When to come back after a connection was lost: full jitter (each delay is drawn uniformly from zero to a ceiling that
 * doubles), so that a thousand clients of a restarted server do not return together. A server's own `retry_ms` goes before.
 */
export type ComeBack = 'never' | 'backoff' | 'at-once';

/** What a close code asks for: the ranges of the contract. */
export function comeBack(code: number): ComeBack {
  if (code >= 4000 && code <= 4099) return 'never';
  if (code >= 4200 && code <= 4299) return 'at-once';
  return 'backoff';
}

const BASE_MS = 250;
const CAP_MS = 20_000;

export class Backoff {
  #attempt = 0;
  readonly #random: () => number;

  constructor(random: () => number = Math.random) {
    this.#random = random;
  }

  /** The next delay. "At once" is believed once: a server that keeps sending clients away is approached with care. */
  nextMs(kind: ComeBack, retry_ms?: number): number {
    const ceiling = Math.min(CAP_MS, BASE_MS * 2 ** this.#attempt++);
    return retry_ms ?? (kind === 'at-once' && ceiling === BASE_MS ? 0 : this.#random() * ceiling);
  }

  /** The connection has held. */
  reset(): void {
    this.#attempt = 0;
  }
}
