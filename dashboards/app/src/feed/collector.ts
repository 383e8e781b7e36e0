/**
 * Gathers what has changed until the page takes it: the newest state of each row, the newest trades of the chart's symbol,
 * its bars. However many events come, memory stays the same. Knows neither network nor clock; runs in the worker.
 */
import type { Bar, Data } from '@tickcast/client';
import { BAR, ROW, TRADE, type Batch } from './talk.ts';

/** The tape shows fewer. */
const TRADES_MAX = 64;
/** A page that took nothing for longer asks for the bars instead. */
const BARS_MAX = 128;

export class Collector {
  received = 0;
  merged = 0;
  private rows = new Map<string, number>();
  private last = new Float64Array(0);
  private at = new Float64Array(0);
  private volume = new Float64Array(0);
  private isDirty = new Uint8Array(0);
  private dirty: number[] = [];
  private trades: number[] = [];
  private bars = new Map<number, Bar>();
  private barsLost = false;
  private quote: number[] = [];
  private chart = { id: 0, symbol: '', interval: '' };

  /** The symbols in the order of their row numbers. */
  describe(names: readonly string[]): void {
    this.rows = new Map(names.map((name, row) => [name, row]));
    this.last = new Float64Array(names.length).fill(NaN);
    this.at = new Float64Array(names.length);
    this.volume = new Float64Array(names.length);
    this.isDirty = new Uint8Array(names.length);
    this.dirty = [];
  }

  row(name: string): number | undefined {
    return this.rows.get(name);
  }

  /** What the chart shows from now on; what waits for the last one is dropped. */
  show(id: number, symbol: string, interval: string): void {
    this.chart = { id, symbol, interval };
    this.trades = [];
    this.quote = [];
    this.bars.clear();
    this.barsLost = false;
  }

  event(event: Data): void {
    if (event.T === 's') return;
    const first = 'n0' in event ? (event.n0 ?? event.n) : event.n;
    if (!event.snap) {
      this.received += event.n - first + 1;
      this.merged += event.n - first;
    }
    const shown = event.S === this.chart.symbol;
    if (event.T === 'q') {
      if (shown) this.quote = [event.b, event.B, event.a, event.A];
      return;
    }
    this.change(event.S, event.p, event.ts, event.snap ? 0 : event.v);
    if (!shown) return;
    const count = event.T === 'm' ? event.c : 1;
    const side = event.T === 'm' ? Math.sign(event.p - event.O) : event.d;
    this.trades.push(event.ts, event.p, event.v, count, side);
    if (this.trades.length > 2 * TRADES_MAX * TRADE) {
      this.trades.splice(0, this.trades.length - TRADES_MAX * TRADE);
    }
  }

  bar(bar: Bar): void {
    if (bar.S !== this.chart.symbol || bar.i !== this.chart.interval) return;
    this.bars.set(bar.ts, bar);
    if (this.bars.size <= BARS_MAX) return;
    this.bars.delete(this.bars.keys().next().value!);
    this.barsLost = true;
  }

  /** Everything since the last call; nothing where nothing has changed. */
  take(): Batch | undefined {
    const { dirty, trades, bars, quote, barsLost } = this;
    if (dirty.length + trades.length + bars.size + quote.length === 0) return undefined;
    const batch: Batch = {
      rows: this.takeRows(),
      tape: new Float64Array(trades.slice(-TRADES_MAX * TRADE)),
      bars: packBars([...bars.values()]),
      quote: new Float64Array(quote),
      chart: this.chart.id,
      barsLost,
    };
    this.trades = [];
    this.quote = [];
    this.barsLost = false;
    bars.clear();
    return batch;
  }

  private takeRows(): Float64Array<ArrayBuffer> {
    const rows = new Float64Array(this.dirty.length * ROW);
    let at = 0;
    for (const row of this.dirty) {
      rows[at++] = row;
      rows[at++] = this.last[row]!;
      rows[at++] = this.at[row]!;
      rows[at++] = this.volume[row]!;
      this.volume[row] = 0;
      this.isDirty[row] = 0;
    }
    this.dirty = [];
    return rows;
  }

  private change(name: string, price: number, ts: number, volume: number): void {
    const row = this.rows.get(name);
    if (row === undefined) return;
    this.last[row] = price;
    this.at[row] = ts;
    this.volume[row]! += volume;
    if (this.isDirty[row]) return;
    this.isDirty[row] = 1;
    this.dirty.push(row);
  }
}

export function packBars(bars: readonly Bar[]): Float64Array<ArrayBuffer> {
  const packed = new Float64Array(bars.length * BAR);
  bars.forEach((bar, i) => {
    packed.set([bar.ts, bar.O, bar.H, bar.L, bar.C, bar.v, bar.c, bar.x ? 1 : 0], i * BAR);
  });
  return packed;
}
