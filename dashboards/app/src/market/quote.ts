/**
 * The head of the chart: symbol, name, price, the day's change, bid and ask.
 */
import { element, mark, write } from '../frame/elements.ts';
import { Flash } from '../frame/flash.ts';
import { change, count, price } from '../frame/format.ts';
import type { Store } from './store.ts';

export class QuoteHead {
  private readonly symbol = element('head-symbol');
  private readonly name = element('head-name');
  private readonly last = element('head-last');
  private readonly flash = new Flash(this.last);
  private readonly change = element('head-change');
  private readonly bid = element('head-bid');
  private readonly ask = element('head-ask');
  private readonly volume = element('head-volume');
  private row = -1;
  private version = -1;

  constructor(private readonly store: Store) {}

  begin(row: number): void {
    const { store } = this;
    this.row = row;
    this.version = -1;
    this.flash.reset();
    write(this.symbol, store.names[row] ?? '');
    write(this.name, store.titles[row] ?? '');
    for (const side of [this.bid, this.ask]) write(side, '–');
  }

  /** `quote` is bid, its size, ask, its size; or empty where it has not changed. */
  paint(quote: Float64Array | undefined, now_ms: number): number {
    const { store, row } = this;
    if (row < 0) return 0;
    const places = store.places[row]!;
    if (quote && quote.length === 4) {
      write(this.bid, `${price(quote[0]!, places)} × ${count(quote[1]!)}`);
      write(this.ask, `${price(quote[2]!, places)} × ${count(quote[3]!)}`);
    }
    this.flash.settle(now_ms);
    if (store.version[row] === this.version) return 0;
    this.version = store.version[row]!;
    const last = store.last[row]!;
    const moved = change(last, store.open[row]!, places);
    if (this.flash.moved(last, now_ms)) write(this.last, price(last, places));
    mark(this.change, 'way', moved.way);
    write(this.change, `${moved.arrow} ${moved.amount} (${moved.percent})`);
    write(this.volume, count(store.volume[row]!));
    return 1;
  }

  /** One sentence for those who do not see it. */
  summary(): string {
    const { store, row } = this;
    if (row < 0 || Number.isNaN(store.last[row])) return '';
    const places = store.places[row]!;
    const { way, percent } = change(store.last[row]!, store.open[row]!, places);
    const moved = way === 'flat' ? 'unchanged' : `${way} ${percent}`;
    return `${store.names[row]} ${price(store.last[row]!, places)}, ${moved} today.`;
  }
}
