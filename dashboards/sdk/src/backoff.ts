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

export class Backoff {
  private attempt = 0;

  constructor(
    private readonly baseMs = 250,
    private readonly capMs = 20_000,
    private readonly random: () => number = Math.random,
  ) {}

  /** The next delay. "At once" is believed once: a server that keeps sending clients away is approached with care. */
  nextMs(kind: ComeBack, retryMs?: number): number {
    const ceiling = Math.min(this.capMs, this.baseMs * 2 ** Math.min(this.attempt, 30));
    const first = this.attempt === 0;
    this.attempt += 1;
    if (retryMs !== undefined) return retryMs;
    if (kind === 'at-once' && first) return 0;
    return this.random() * ceiling;
  }

  /** The connection has held. */
  reset(): void {
    this.attempt = 0;
  }
}
