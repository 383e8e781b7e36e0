/**
 * The watchlist: search, sort, choosing a symbol with pointer or keys, and which rows are on the screen. Paints through the
 * table; fetches nothing, but says what is seen.
 */
import { element, mark, write } from '../../frame/elements.ts';
import type { Store } from '../store.ts';
import { filterRows, nextOrder, sortRows, type Column, type Order } from './filter.ts';
import { Table } from './table.ts';

/** Rows beyond the screen that are fetched early. */
const AHEAD = 6;
/** The screen is followed at most so often: far below the server's limit of requests. */
const FOLLOW_MS = 150;
/**
 * Values move while they are sorted by: rows change places at most so often. Each time the day of every symbol is asked for,
 * because one that is not on the screen may belong there: one request of 125 bytes a symbol (62 kB for 500 of them, which takes
 * the server 3 ms), and only while the list is sorted so and the tab is seen.
 */
export const RESORT_MS = 5000;

export interface WatchlistOwner {
  choose(symbol: string): void;
  /** These rows can be seen. */
  seen(names: string[]): void;
  repaint(): void;
  /** Rows wait for the next drain. */
  waits(): void;
  /** What is typed or the order has changed. */
  changed(typed: string, order: Order): void;
}

export class Watchlist {
  private readonly search = element<HTMLInputElement>('search');
  private readonly scroller = element('rows');
  private readonly empty = element('empty');
  private readonly heads = [...document.querySelectorAll<HTMLElement>('[data-sort]')];
  private readonly table: Table;
  private order: Order = { column: undefined, descending: false };
  private chosen = -1;
  private following: ReturnType<typeof setTimeout> | undefined;
  private seenNow = '';

  constructor(
    private readonly store: Store,
    private readonly owner: WatchlistOwner,
  ) {
    this.table = new Table(store, this.scroller, element('canvas'), () => this.moved());
    this.search.addEventListener('input', () => this.typed());
    this.search.addEventListener('keydown', (event) => this.searchKey(event));
    this.scroller.addEventListener('keydown', (event) => this.listKey(event));
    this.scroller.addEventListener('click', (event) => {
      const row = (event.target as Element).closest<HTMLElement>('.row');
      if (row?.dataset['symbol']) this.owner.choose(row.dataset['symbol']);
    });
    for (const head of this.heads) {
      head.addEventListener('click', () => {
        this.sort(nextOrder(this.order, head.dataset['sort'] as Column));
      });
    }
  }

  /** Whether the order depends on prices. */
  get sortsByValue(): boolean {
    return this.order.column !== undefined && this.order.column !== 'symbol';
  }

  /** The rows on the screen, and a few more. */
  get seenNames(): string[] {
    return this.table.visible(AHEAD);
  }

  /** As the address says. */
  restore(typed: string, order: Order): void {
    this.search.value = typed;
    this.order = order;
    this.heading();
  }

  /** The store has other symbols. */
  reset(): void {
    this.table.reset();
    this.arrange(true);
  }

  /** Filters and sorts again. */
  arrange(rewind: boolean): void {
    const { store } = this;
    const rows = filterRows(store.names, store.titles, this.search.value);
    this.table.show(sortRows(rows, store, this.order), rewind);
    this.empty.hidden = rows.length > 0;
    const typed = this.search.value.trim();
    write(
      this.empty,
      store.size === 0 ? 'Waiting for the symbols …' : `No symbol or name contains “${typed}”.`,
    );
    const all = store.size.toLocaleString('en-US');
    const some = rows.length.toLocaleString('en-US');
    write(element('fact-symbols'), rows.length === store.size ? all : `${some} of ${all}`);
  }

  /** Shows which symbol was chosen. */
  choose(symbol: string, reveal: boolean): void {
    this.chosen = this.store.row(symbol) ?? -1;
    this.table.choose(this.chosen, reveal);
  }

  paint(now_ms: number): number {
    const { painted, waits } = this.table.paint(now_ms);
    if (waits) this.owner.waits();
    return painted;
  }

  focusSearch(): void {
    this.search.select();
  }

  /** The symbol `by` positions below the chosen one. */
  step(by: number): void {
    const { rows } = this.table;
    if (rows.length === 0) return;
    const at = rows.indexOf(this.chosen);
    const to = at < 0 ? 0 : Math.max(0, Math.min(rows.length - 1, at + by));
    this.owner.choose(this.store.names[rows[to]!]!);
    this.table.choose(rows[to]!, true);
  }

  private sort(order: Order): void {
    this.order = order;
    this.heading();
    this.arrange(true);
    this.owner.changed(this.search.value.trim(), order);
  }

  private heading(): void {
    for (const head of this.heads) {
      const mine = head.dataset['sort'] === this.order.column;
      mark(head, 'order', mine ? (this.order.descending ? 'descending' : 'ascending') : 'none');
      head.setAttribute('aria-pressed', String(mine));
      const way = this.order.descending ? 'falling' : 'rising';
      head.title = mine ? `Sorted, ${way}` : 'Sort by this';
    }
  }

  private typed(): void {
    this.arrange(true);
    this.owner.changed(this.search.value.trim(), this.order);
  }

  private searchKey(event: KeyboardEvent): void {
    if (event.key === 'Escape' && this.search.value !== '') {
      this.search.value = '';
      this.typed();
    } else if (event.key === 'Escape') this.search.blur();
    else if (event.key === 'Enter') {
      const first = this.table.rows[0];
      if (first !== undefined) this.owner.choose(this.store.names[first]!);
    } else if (event.key === 'ArrowDown') {
      this.scroller.focus();
      const first = this.table.rows[0];
      if (first !== undefined) this.owner.choose(this.store.names[first]!);
    } else return;
    event.preventDefault();
  }

  private listKey(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor(this.scroller.clientHeight / 44) - 1);
    const steps: Record<string, number> = {
      ArrowDown: 1,
      ArrowUp: -1,
      PageDown: page,
      PageUp: -page,
      Home: -Infinity,
      End: Infinity,
    };
    const by = steps[event.key];
    if (by === undefined) return;
    event.preventDefault();
    this.step(by);
  }

  private moved(): void {
    this.owner.repaint();
    this.following ??= setTimeout(() => {
      this.following = undefined;
      const names = this.seenNames;
      const key = names.join();
      if (key === this.seenNow) return;
      this.seenNow = key;
      this.owner.seen(names);
    }, FOLLOW_MS);
  }
}
