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

export class Row {
  readonly element = part('div', 'row');
  private readonly ticker = part('b', 'ticker');
  private readonly gap = part('span', 'mark');
  private readonly title = part('span', 'name');
  private readonly spark = new Sparkline();
  private readonly last = part('span', 'last');
  private readonly flash = new Flash(this.last);
  private readonly change = part('span', 'change');
  private row = -1;
  private version = -1;
  private sparkedAt = 0;

  constructor(
    private readonly store: Store,
    id: string,
  ) {
    const { element } = this;
    element.id = id;
    element.setAttribute('role', 'option');
    const symbol = part('span', 'symbol', this.ticker, this.gap);
    element.append(symbol, this.title, this.spark.element, this.last, this.change);
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
    if (row === this.row) return;
    this.row = row;
    this.version = -1;
    this.sparkedAt = 0;
    this.flash.reset();
    write(this.ticker, store.names[row]!);
    write(this.title, store.titles[row]!);
    element.dataset['symbol'] = store.names[row]!;
  }

  /** Paints what has changed; true if anything had. */
  paint(now_ms: number): boolean {
    const { store, row } = this;
    mark(this.element, 'old', String(now_ms - store.at[row]! > OLD_MS));
    const version = store.version[row]!;
    if (version === this.version) return false;
    this.version = version;
    const places = store.places[row]!;
    const last = store.last[row]!;
    if (this.flash.moved(last, now_ms)) write(this.last, price(last, places));
    const { way, percent } = moved(last, store.open[row]!);
    mark(this.change, 'way', way);
    write(this.change, percent);
    const lost = store.lost[row]!;
    write(this.gap, lost > 0 ? 'gap' : '');
    if (lost > 0) this.gap.title = `${count(lost)} events of this symbol were lost`;
    if (now_ms - this.sparkedAt > SPARK_MS) {
      this.sparkedAt = now_ms;
      const closes = store.sparks[row];
      this.spark.paint(closes, store.last[row]! / 10 ** places, way);
    }
    return true;
  }
}
