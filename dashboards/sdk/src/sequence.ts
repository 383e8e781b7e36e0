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
  /** Infinity where it was unsubscribed: what is still on its way brings nothing new, and tells nothing of what is missing. */
  readonly #last = new Map<string, number>();
  /** Events that came a second time: never right, except in a snapshot. */
  repeats = 0;

  /** Whether `message` brings nothing that has not come before: a repeated event, or a snapshot older than what is known. */
  known(message: Data): boolean {
    const last = this.#last.get(keyOf(message)) ?? 0;
    return message.snap ? message.n < last : message.n <= last;
  }

  /** Takes note of `message`; what was lost before it, if anything. */
  data(message: Data): LostRange | undefined {
    const key = keyOf(message);
    const { S, n, snap } = message;
    const last = this.#last.get(key);
    this.#last.set(key, Math.max(last ?? 0, n));
    if (!last || last === Infinity) return undefined;
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
  }

  /** Unsubscribed, or asked for anew: nothing counts until the server has confirmed that it is wanted. */
  leave(symbols: readonly string[], channels: readonly string[]): void {
    for (const S of symbols) for (const ch of channels) this.#last.set(`${ch}|${S}`, Infinity);
  }

  /** The server has confirmed a subscription. */
  confirm(by: { matches(symbol: string, channel: string): boolean }): void {
    for (const [key, last] of this.#last) {
      const [ch, S] = key.split('|');
      if (last === Infinity && by.matches(S!, ch!)) this.#last.delete(key);
    }
  }
}

function keyOf(message: Data): string {
  return `${channelOf(message)}|${message.S}`;
}
