/**
 * Finds what is missing: `n` (or `n0` of a merged message) must be the last `n` of its symbol and channel plus one. A hole
 * is reported once, whether the server announced it (`gap`) or nobody did. Never repairs anything.
 */
import { channelOf, type Data, type Gap } from './messages.ts';

/** Events of one symbol and channel that did not come. */
export interface LostRange {
  S: string;
  ch: string;
  from: number;
  to: number;
  /** The server's reason, or `unannounced`. */
  why: string;
}

export class SequenceCheck {
  readonly #last = new Map<string, number>();
  /** Unsubscribed; what is still on its way says nothing about what comes after another subscription. */
  readonly #left = new Set<string>();
  /** Events that came a second time: never right, except in a snapshot. */
  repeats = 0;

  /** Whether `message` brings nothing that has not come before: a repeated event, or a snapshot older than what is known. */
  known(message: Data): boolean {
    const key = keyOf(message);
    if (this.#left.has(key)) return true;
    const last = this.#last.get(key) ?? 0;
    return message.snap ? message.n < last : message.n <= last;
  }

  /** Takes note of `message`; what was lost before it, if anything. */
  data(message: Data): LostRange | undefined {
    const key = keyOf(message);
    if (this.#left.has(key)) return undefined;
    const { S, n, snap } = message;
    const last = this.#last.get(key);
    this.#last.set(key, Math.max(last ?? 0, n));
    if (last === undefined) return undefined;
    const first = ('n0' in message && message.n0) || n;
    if (first <= last && !snap) this.repeats += 1;
    if (first <= last + 1) return undefined;
    return { S, ch: channelOf(message), from: last + 1, to: first - 1, why: 'unannounced' };
  }

  /** Takes note of an announced hole; `undefined` where nothing is missing after all. */
  gap({ S, ch, from, to, why }: Gap): LostRange | undefined {
    const key = `${ch}|${S}`;
    from = Math.max(from, (this.#last.get(key) ?? 0) + 1);
    if (to < from) return undefined;
    this.#last.set(key, to);
    return { S, ch, from, to, why };
  }

  /** The numbering starts again (another epoch), or nothing is expected any more. */
  reset(): void {
    this.#last.clear();
    this.#left.clear();
  }

  /** Nobody wants these any more: what is still on its way is known, until the server has confirmed that they are wanted again. */
  leave(symbols: readonly string[], channels: readonly string[]): void {
    this.forget(symbols, channels);
    for (const S of symbols) for (const ch of channels) this.#left.add(`${ch}|${S}`);
  }

  /** The server has confirmed a subscription. */
  confirm(matches: (symbol: string, channel: string) => boolean): void {
    for (const key of this.#left) {
      const bar = key.indexOf('|');
      if (matches(key.slice(bar + 1), key.slice(0, bar))) this.#left.delete(key);
    }
  }

  /** Stops expecting the successors of what is known. */
  forget(symbols: readonly string[], channels: readonly string[]): void {
    for (const S of symbols) for (const ch of channels) this.#last.delete(`${ch}|${S}`);
  }
}

function keyOf(message: Data): string {
  return `${channelOf(message)}|${message.S}`;
}
