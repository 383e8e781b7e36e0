/**
 * The bars of one symbol and interval, in order, exact: prices stay integer counts of the symbol's step. History, the live
 * bar and what is fetched after an interruption all end up here; which of two states of a bar is newer is decided by what it
 * counts. No DOM, no network.
 */
import { formatPrice } from '@tickcast/client';
import { BAR } from '../../feed/talk.ts';

/** Older bars than these are fetched again when they are wanted. */
export const BARS_MAX = 20_000;
/** So many are cut at once: a cut has the chart lay out everything anew. */
export const CUT = 100;

export interface Candle {
  /** Start, µs. */
  ts: number;
  O: number;
  H: number;
  L: number;
  C: number;
  v: number;
  /** Trades. */
  c: number;
  /** Whether it is final. */
  x: boolean;
}

/** What has to be painted again: nothing, the newest bars from this one on, or everything. */
export type Changed = { from: number } | 'nothing' | 'everything';

export class Candles {
  readonly all: Candle[] = [];

  constructor(readonly places: number) {}

  get first(): Candle | undefined {
    return this.all[0];
  }

  get last(): Candle | undefined {
    return this.all.at(-1);
  }

  /** Adds or replaces bars, packed as `BAR` says and in order. */
  merge(packed: Float64Array): Changed {
    const bars = unpack(packed);
    if (bars.length === 0) return 'nothing';
    const tail = this.last;
    const older = tail && bars[0]!.ts < tail.ts;
    const added = older ? this.interleave(bars) : this.append(bars);
    if (added === 'nothing' || this.all.length <= BARS_MAX) return added;
    this.all.splice(0, this.all.length - BARS_MAX);
    return 'everything';
  }

  /** Drops the oldest bars but `keep`, once there are enough of them; whether it did. */
  trim(keep: number): boolean {
    if (this.all.length < keep + CUT) return false;
    this.all.splice(0, this.all.length - keep);
    return true;
  }

  /** The bar that begins at `ts`. */
  at(ts: number): Candle | undefined {
    const bar = this.all[this.position(ts)];
    return bar?.ts === ts ? bar : undefined;
  }

  /** The newest bar that begins at `ts` or before. */
  covering(ts: number): Candle | undefined {
    const at = this.position(ts);
    return this.all[at]?.ts === ts ? this.all[at] : this.all[at - 1];
  }

  /** The bars that begin at `ts` or later. */
  from(ts: number): Candle[] {
    return this.all.slice(this.position(ts));
  }

  /** All bars as text, prices with exactly their places. */
  csv(): string {
    const price = (units: number): string => formatPrice(units, this.places);
    const lines = this.all.map(({ ts, O, H, L, C, v, c, x }) =>
      [ts, price(O), price(H), price(L), price(C), v, c, x].join(','),
    );
    return `${['start_us,open,high,low,close,volume,trades,final', ...lines].join('\n')}\n`;
  }

  private append(bars: Candle[]): Changed {
    const from = bars[0]!.ts;
    const tail = this.last;
    if (tail?.ts === from) {
      const first = bars.shift()!;
      if (newer(first, tail)) this.all[this.all.length - 1] = first;
      else if (bars.length === 0) return 'nothing';
    }
    this.all.push(...bars);
    return { from };
  }

  private interleave(bars: Candle[]): Changed {
    const merged = new Map(this.all.map((bar) => [bar.ts, bar]));
    let changed = false;
    for (const bar of bars) {
      const known = merged.get(bar.ts);
      if (known && !newer(bar, known)) continue;
      merged.set(bar.ts, bar);
      changed = true;
    }
    if (!changed) return 'nothing';
    const sorted = [...merged.values()].sort((a, b) => a.ts - b.ts);
    this.all.length = 0;
    for (const bar of sorted) this.all.push(bar);
    return 'everything';
  }

  /** The first position whose bar begins at `ts` or later. */
  private position(ts: number): number {
    let [low, high] = [0, this.all.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.all[middle]!.ts < ts) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Whether `bar` is a later state of the same bar than `known`, or a different one of the same age. */
function newer(bar: Candle, known: Candle): boolean {
  if (bar.x !== known.x) return bar.x;
  return bar.c >= known.c && (bar.c > known.c || bar.C !== known.C || bar.v !== known.v);
}

function unpack(packed: Float64Array): Candle[] {
  const bars: Candle[] = [];
  for (let at = 0; at < packed.length; at += BAR) {
    const [ts, O, H, L, C, v, c, x] = packed.subarray(at, at + BAR);
    bars.push({ ts: ts!, O: O!, H: H!, L: L!, C: C!, v: v!, c: c!, x: x === 1 });
  }
  return bars;
}
