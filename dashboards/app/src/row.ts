/**
 * One row of the table: its elements, and how a symbol's state is painted into them. Touches an element only if its text
 * changes. Rows are reused while scrolling: `bind` gives them another symbol.
 */
import { age, change, count, price } from './format.ts';
import type { Store } from './store.ts';

const COLUMNS = ['symbol', 'name', 'last', 'change', 'bid', 'ask', 'volume', 'age'] as const;

export class Row {
  readonly element = document.createElement('div');
  private readonly cells: Record<(typeof COLUMNS)[number], HTMLElement>;
  private readonly name = part('b', 'ticker');
  private readonly mark = part('span', 'mark');
  private readonly arrow = part('span', 'arrow');
  private readonly amount = part('span', 'amount');
  private readonly percent = part('span', 'percent');
  private row = -1;
  private version = -1;
  private shown = NaN;
  private flashes = 0;

  constructor(private readonly store: Store) {
    this.element.className = 'row';
    this.element.setAttribute('role', 'row');
    const cells = COLUMNS.map((column) => {
      const cell = part('span', column);
      cell.setAttribute('role', 'cell');
      this.element.append(cell);
      return [column, cell] as const;
    });
    this.cells = Object.fromEntries(cells) as typeof this.cells;
    this.cells.symbol.append(this.name, this.mark);
    this.cells.change.append(this.arrow, this.amount, this.percent);
  }

  /** Shows the symbol of `row`; nothing flashes because of that. */
  bind(row: number): void {
    if (row === this.row) return;
    this.row = row;
    this.version = -1;
    this.shown = NaN;
    this.cells.last.className = 'last';
    const name = this.store.names[row]!;
    write(this.name, name);
    this.element.dataset['symbol'] = name;
  }

  /** Paints what has changed; true if anything had. */
  paint(now_us: number): boolean {
    const { store, row } = this;
    write(this.cells.age, age((now_us - store.at[row]!) / 1000));
    const version = store.version[row]!;
    if (version === this.version) return false;
    this.version = version;
    const places = store.places[row]!;
    this.paintLast(store.last[row]!, places);
    const moved = change(store.last[row]!, store.open[row]!, places);
    if (this.cells.change.dataset['way'] !== moved.way)
      this.cells.change.dataset['way'] = moved.way;
    write(this.arrow, moved.arrow);
    write(this.amount, moved.amount);
    write(this.percent, moved.percent);
    write(this.cells.name, store.titles[row]!);
    write(this.cells.bid, price(store.bid[row]!, places));
    write(this.cells.ask, price(store.ask[row]!, places));
    write(this.cells.volume, count(store.volume[row]!));
    const lost = store.lost[row]!;
    write(this.mark, lost > 0 ? 'gap' : '');
    if (lost > 0) this.mark.title = `${count(lost)} events of this symbol were lost`;
    return true;
  }

  private paintLast(last: number, places: number): void {
    const before = this.shown;
    if (last === before) return;
    this.shown = last;
    write(this.cells.last, price(last, places));
    if (Number.isNaN(before) || Number.isNaN(last)) return;
    this.flashes ^= 1;
    this.cells.last.className = `last ${last > before ? 'up' : 'down'}-${this.flashes}`;
  }
}

function part(tag: string, name: string): HTMLElement {
  const element = document.createElement(tag);
  element.className = name;
  return element;
}

function write(element: HTMLElement, text: string): void {
  const node = element.firstChild as Text | null;
  if (!node) element.append(text);
  else if (node.data !== text) node.data = text;
}
