/**
 * Bars of one symbol and interval in the order of time: what was asked for, and the live states on top. The newest state of
 * a bar wins. Draws nothing and asks nobody.
 */
import type { Bar } from './messages.ts';

/** Seconds of an interval's name. */
export const INTERVAL_S: Record<string, number> = {
  '1s': 1,
  '5s': 5,
  '1m': 60,
  '5m': 300,
  '15m': 900,
  '1h': 3600,
  '1d': 86_400,
};

export class BarHistory {
  /** Oldest first. */
  bars: Bar[] = [];

  /** A state that has just come; whether it is the last bar, or a new one behind it. */
  live(bar: Bar): boolean {
    const last = this.bars.at(-1);
    if (!last || bar.ts > last.ts) this.bars.push(bar);
    else if (bar.ts === last.ts) this.bars[this.bars.length - 1] = bar;
    else {
      this.merge([bar]);
      return false;
    }
    return true;
  }

  /** Bars that were asked for; where there are two of the same time, the later state of the two. */
  merge(asked: readonly Bar[]): void {
    const all = new Map(this.bars.map((bar) => [bar.ts, bar]));
    for (const bar of asked) {
      const known = all.get(bar.ts);
      // A final bar stays as it is; a forming one only grows.
      if (!known || bar.x || (!known.x && bar.c >= known.c)) all.set(bar.ts, bar);
    }
    this.bars = [...all.values()].sort((a, b) => a.ts - b.ts);
  }
}

/** A price as charts want it. */
export function toNumber(units: number, places: number): number {
  return units / 10 ** places;
}
