/**
 * The state of every symbol, in plain arrays by row number: batches are merged into it, and whoever paints looks at
 * `version` to see whether a row has changed. Memory grows with symbols only. No DOM.
 */
import type { LostRange, SymbolRow } from '@tickcast/client';
import { DAY, ROW } from '../feed/talk.ts';

/** Sparklines keep so many points. */
const SPARK_MAX = 48;

export class Store {
  names: string[] = [];
  titles: string[] = [];
  places = new Uint8Array(0);
  /** Prices in steps of 10^-places; NaN where none is known. */
  last = new Float64Array(0);
  /** The day's first price, and what was traded since. */
  open = new Float64Array(0);
  volume = new Float64Array(0);
  /** When the last trade came, our clock, ms; 0 where none came yet. */
  at = new Float64Array(0);
  /** Events known to be lost. */
  lost = new Float64Array(0);
  /** Counts the changes of a row. */
  version = new Uint32Array(0);
  sparks: (Float32Array | undefined)[] = [];
  gaps = 0;
  private index = new Map<string, number>();

  get size(): number {
    return this.names.length;
  }

  row(name: string): number | undefined {
    return this.index.get(name);
  }

  /** The symbols, in the order of their row numbers. Forgets everything else. */
  describe(symbols: readonly SymbolRow[]): void {
    const size = symbols.length;
    this.names = symbols.map((symbol) => symbol.S);
    this.titles = symbols.map((symbol) => symbol.name);
    this.places = Uint8Array.from(symbols, (symbol) => symbol.places);
    this.index = new Map(this.names.map((name, row) => [name, row]));
    this.last = new Float64Array(size).fill(NaN);
    this.open = new Float64Array(size).fill(NaN);
    this.volume = new Float64Array(size);
    this.at = new Float64Array(size);
    this.lost = new Float64Array(size);
    this.version = new Uint32Array(size);
    this.sparks = new Array<undefined>(size).fill(undefined);
  }

  /** Changed rows, packed as `ROW` says. */
  apply(rows: Float64Array, now_ms: number): void {
    for (let at = 0; at < rows.length; at += ROW) {
      const row = rows[at]!;
      this.last[row] = rows[at + 1]!;
      this.volume[row]! += rows[at + 3]!;
      this.at[row] = now_ms;
      this.version[row]! += 1;
    }
  }

  /** Days so far, packed as `DAY` says; what streams is newer. */
  applyDays(days: Float64Array, streams: (row: number) => boolean): void {
    for (let at = 0; at < days.length; at += DAY) {
      const row = days[at]!;
      this.open[row] = days[at + 1]!;
      if (Number.isNaN(this.last[row]) || !streams(row)) this.last[row] = days[at + 2]!;
      this.volume[row] = days[at + 3]!;
      this.version[row]! += 1;
    }
  }

  /** Closing prices of the past hours; the last one follows the price. */
  spark(row: number, closes: Float32Array): void {
    this.sparks[row] = closes.slice(-SPARK_MAX);
    this.version[row]! += 1;
  }

  /** Change of the day, as a share of its first price; NaN where it is not known. */
  change(row: number): number {
    return this.last[row]! / this.open[row]! - 1;
  }

  /** A hole that was found or announced. */
  hole(gap: LostRange): void {
    this.gaps += 1;
    const row = this.index.get(gap.S);
    if (row === undefined) return;
    this.lost[row]! += gap.to - gap.from + 1;
    this.version[row]! += 1;
  }
}
