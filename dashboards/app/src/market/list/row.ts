/**
 * One row of the watchlist: its elements, and how a symbol's state is painted into them. Touches an element only if its
 * text changes. Rows are reused while scrolling: `bind` gives them another symbol.
 */
import { mark, part, write } from '../../frame/elements.ts';
import { Flash } from '../../frame/flash.ts';
import { count, moved, price } from '../../frame/format.ts';
import type { Store } from '../store.ts';
import { Sparkline } from './sparkline.ts';

/** A price that has not moved for so long is dimmed. */
const OLD_MS = 30_000;
const SPARK_MS = 1000;
/**
 * A row that was painted in one of so many drains before moves all the time: it takes turns with its neighbours, which halves
 * what a drain has to do. Others are painted at once.
 */
const BUSY_TURNS = 2;
/** Sparklines take turns: neighbours are so far apart, or all of them would fall into one frame. */
const SPREAD_MS = 37;

/** Whether a row at `at` that has changed is painted in drain `turn`; if not, it is in the next one. */
export function isPainted(turn: number, paintedIn: number, at: number): boolean {
  return turn - paintedIn > BUSY_TURNS || (turn + at) % 2 === 0;
}

export class Row {
  readonly element = part('div', 'row');
  private readonly ticker = part('b', 'ticker');
  private readonly gap = part('span', 'mark');
  private readonly title = part('span', 'name');
  private readonly spark = new Sparkline();
  private readonly last = part('span', 'last');
  private readonly flash = new Flash(this.last);
  private readonly change = part('span', 'change');
  private readonly phase_ms: number;
  private row = -1;
  private top_px = -1;
  private version = -1;
  /** In which turn of `SPARK_MS` the sparkline was painted last. */
  private sparked = -1;
  /** The chart's symbol: its head is painted in every drain, and may not differ from its row. */
  private chosen = false;
  /** The drain in which it was painted last. */
  private paintedIn = -Infinity;

  constructor(
    private readonly store: Store,
    private readonly at: number,
  ) {
    const { element } = this;
    element.id = `row-${at}`;
    this.phase_ms = (at * SPREAD_MS) % SPARK_MS;
    element.setAttribute('role', 'option');
    const symbol = part('span', 'symbol', this.ticker, this.gap);
    element.append(symbol, this.title, this.spark.element, this.last, this.change);
  }

  /** Whether it has changed since it was painted. */
  get waits(): boolean {
    return this.version !== this.store.version[this.row];
  }

  get shows(): number {
    return this.row;
  }

  reset(): void {
    this.row = -1;
  }

  /** Shows the symbol of `row` at position `at` of `size`; nothing flashes because of that. */
  bind(row: number, at: number, size: number, chosen: boolean): void {
    const { element, store } = this;
    element.setAttribute('aria-posinset', String(at + 1));
    element.setAttribute('aria-setsize', String(size));
    element.setAttribute('aria-selected', String(chosen));
    this.chosen = chosen;
    if (row === this.row) return;
    this.row = row;
    this.version = -1;
    this.sparked = -1;
    this.paintedIn = -Infinity;
    this.flash.reset();
    write(this.ticker, store.names[row]!);
    write(this.title, store.titles[row]!);
    element.dataset['symbol'] = store.names[row]!;
  }

  /** Puts it `top_px` below the list's beginning. */
  place(top_px: number): void {
    if (top_px === this.top_px) return;
    this.top_px = top_px;
    this.element.style.top = `${top_px}px`;
  }

  /** Paints what has changed, unless it is a neighbour's turn; true if it did. `turn` counts the drains. */
  paint(now_ms: number, turn: number): boolean {
    const { store, row } = this;
    mark(this.element, 'old', String(now_ms - store.at[row]! > OLD_MS));
    this.flash.settle(now_ms);
    if (!this.waits) return false;
    if (!this.chosen && !isPainted(turn, this.paintedIn, this.at)) return false;
    this.paintedIn = turn;
    this.version = store.version[row]!;
    const places = store.places[row]!;
    const last = store.last[row]!;
    if (this.flash.moved(last, now_ms)) write(this.last, price(last, places));
    const { way, percent } = moved(last, store.open[row]!);
    mark(this.change, 'way', way);
    write(this.change, percent);
    const lost = store.lost[row]!;
    write(this.gap, lost > 0 ? 'gap' : '');
    if (lost > 0) this.gap.title = `${count(lost)} events of this symbol were lost`;
    const second = Math.floor((now_ms + this.phase_ms) / SPARK_MS);
    if (second !== this.sparked) {
      this.sparked = second;
      const closes = store.sparks[row];
      this.spark.paint(closes, store.last[row]! / 10 ** places, way);
    }
    return true;
  }
}
