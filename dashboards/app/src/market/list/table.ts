/**
 * The virtualised list: as many row elements as fit on the screen and a few more, whatever the number of symbols. Position
 * `i` always uses element `i mod pool`, so scrolling by one row gives one element another symbol. Never reads the network.
 */
import type { Store } from '../store.ts';
import { Row } from './row.ts';

/** Rows painted above and below what is seen. */
const SPARE = 4;

export interface Span {
  from: number;
  to: number;
}

/** The positions to paint. */
export function visibleSpan(top: number, height: number, rowHeight: number, size: number): Span {
  const from = Math.max(0, Math.floor(top / rowHeight) - SPARE);
  const to = Math.min(size, Math.ceil((top + height) / rowHeight) + SPARE);
  return { from: Math.min(from, to), to };
}

export class Table {
  private pool: Row[] = [];
  private view = new Uint32Array(0);
  private span: Span = { from: 0, to: 0 };
  private rowHeight = 0;
  private moved = true;
  private chosen = -1;
  private turn = 0;

  constructor(
    private readonly store: Store,
    private readonly scroller: HTMLElement,
    private readonly canvas: HTMLElement,
    private readonly changed: () => void,
  ) {
    scroller.addEventListener('scroll', () => this.invalidate(), { passive: true });
    new ResizeObserver(() => this.measure()).observe(scroller);
  }

  get rows(): Uint32Array {
    return this.view;
  }

  /** Shows these rows in this order, from the top if `rewind`. */
  show(view: Uint32Array<ArrayBuffer>, rewind: boolean): void {
    this.view = view;
    if (rewind) this.scroller.scrollTop = 0;
    this.invalidate();
  }

  /** Forgets what the elements show: row numbers mean other symbols now. */
  reset(): void {
    for (const row of this.pool) row.reset();
    this.invalidate();
  }

  /** Marks a row as the chosen one; scrolls to it if asked to and it cannot be seen. */
  choose(row: number, reveal: boolean): void {
    this.chosen = row;
    const at = this.view.indexOf(row);
    if (reveal && at >= 0 && this.rowHeight > 0) {
      const { scrollTop, clientHeight } = this.scroller;
      const top = at * this.rowHeight;
      if (top < scrollTop) this.scroller.scrollTop = top;
      else if (top + this.rowHeight > scrollTop + clientHeight) {
        this.scroller.scrollTop = top + this.rowHeight - clientHeight;
      }
    }
    this.invalidate();
  }

  /** Names on the screen, and `around` positions beyond. */
  visible(around: number): string[] {
    // Whoever asks before the next frame asks about what will be there.
    if (this.moved) this.place();
    const from = Math.max(0, this.span.from - around);
    return Array.from(
      this.view.subarray(from, this.span.to + around),
      (row) => this.store.names[row]!,
    );
  }

  /** Paints changed rows of the visible span; how many it painted, and whether others wait for the next drain. */
  paint(now_ms: number): { painted: number; waits: boolean } {
    if (this.moved) this.place();
    this.turn += 1;
    let [painted, waits] = [0, false];
    for (let at = this.span.from; at < this.span.to; at++) {
      const row = this.pool[at % this.pool.length]!;
      if (row.paint(now_ms, this.turn)) painted += 1;
      else waits ||= row.waits;
    }
    return { painted, waits };
  }

  private invalidate(): void {
    this.moved = true;
    this.changed();
  }

  private measure(): void {
    this.rowHeight = 0;
    this.invalidate();
  }

  private place(): void {
    this.moved = false;
    if (this.rowHeight === 0) {
      this.rowHeight = parseFloat(getComputedStyle(this.canvas).getPropertyValue('--row')) || 44;
    }
    const height = `${this.view.length * this.rowHeight}px`;
    if (this.canvas.style.height !== height) this.canvas.style.height = height;
    const { scrollTop, clientHeight } = this.scroller;
    this.span = visibleSpan(scrollTop, clientHeight, this.rowHeight, this.view.length);
    this.fill(Math.ceil(clientHeight / this.rowHeight) + 2 * SPARE + 1);
    const used = new Set<Row>();
    for (let at = this.span.from; at < this.span.to; at++) {
      const row = this.pool[at % this.pool.length]!;
      row.bind(this.view[at]!, at, this.view.length, this.view[at] === this.chosen);
      row.place(at * this.rowHeight);
      used.add(row);
    }
    for (const row of this.pool) row.element.hidden = !used.has(row);
    const shown = this.pool.find((row) => used.has(row) && row.shows === this.chosen);
    if (shown) this.scroller.setAttribute('aria-activedescendant', shown.element.id);
    else this.scroller.removeAttribute('aria-activedescendant');
  }

  private fill(size: number): void {
    while (this.pool.length < size) {
      const row = new Row(this.store, this.pool.length);
      this.pool.push(row);
      this.canvas.append(row.element);
    }
  }
}
