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
  private readonly last = new Map<string, number>();
  /** Events that came a second time: never right, except in a snapshot. */
  repeats = 0;

  /** Takes note of `message`; what was lost before it, if anything. */
  data(message: Data): LostRange | undefined {
    const ch = channelOf(message);
    const key = `${ch}|${message.S}`;
    const last = this.last.get(key);
    const first = 'n0' in message ? (message.n0 ?? message.n) : message.n;
    if (last === undefined || message.n > last) this.last.set(key, message.n);
    if (last === undefined) return undefined;
    if (first > last + 1) {
      return { S: message.S, ch, from: last + 1, to: first - 1, why: 'unannounced' };
    }
    if (first <= last && !message.snap) this.repeats += 1;
    return undefined;
  }

  /** Takes note of an announced hole; `undefined` where nothing is missing after all. */
  gap(gap: Gap): LostRange | undefined {
    const key = `${gap.ch}|${gap.S}`;
    const last = this.last.get(key);
    const from = last === undefined ? gap.from : Math.max(gap.from, last + 1);
    if (gap.to < from) return undefined;
    this.last.set(key, gap.to);
    return { S: gap.S, ch: gap.ch, from, to: gap.to, why: gap.why };
  }

  /** The numbering starts again (another epoch), or nothing is expected any more. */
  reset(): void {
    this.last.clear();
  }

  /** Stops expecting the successors of what was unsubscribed. */
  forget(symbols: readonly string[], channels: readonly string[]): void {
    for (const S of symbols) for (const ch of channels) this.last.delete(`${ch}|${S}`);
  }
}
