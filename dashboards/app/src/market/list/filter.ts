/**
 * Which rows are shown, in which order: those whose symbol or name contains what was typed, symbols that begin with it
 * first; then by the column chosen. Pure; 100,000 symbols take a few milliseconds.
 */
import type { Store } from '../store.ts';

export type Column = 'symbol' | 'last' | 'change' | 'volume';
/** The server's own order where there is no column. */
export interface Order {
  column: Column | undefined;
  descending: boolean;
}

/** Row numbers of the matches. */
export function filterRows(
  names: readonly string[],
  titles: readonly string[],
  typed: string,
): Uint32Array<ArrayBuffer> {
  const wanted = typed.trim().toUpperCase();
  if (wanted === '') return Uint32Array.from(names.keys());
  const begins: number[] = [];
  const contains: number[] = [];
  names.forEach((name, row) => {
    const at = name.toUpperCase().indexOf(wanted);
    if (at === 0) begins.push(row);
    else if (at > 0 || titles[row]!.toUpperCase().includes(wanted)) contains.push(row);
  });
  return Uint32Array.from(begins.concat(contains));
}

/** The same rows in order; those without a value come last, equal ones stay as they were. */
export function sortRows(
  rows: Uint32Array<ArrayBuffer>,
  store: Store,
  { column, descending }: Order,
): Uint32Array<ArrayBuffer> {
  if (column === undefined) return rows;
  const sign = descending ? -1 : 1;
  if (column === 'symbol') {
    return rows.slice().sort((a, b) => sign * (store.names[a]! < store.names[b]! ? -1 : 1));
  }
  const value: Record<Exclude<Column, 'symbol'>, (row: number) => number> = {
    last: (row) => store.last[row]! / 10 ** store.places[row]!,
    change: (row) => store.change(row),
    volume: (row) => store.volume[row]!,
  };
  const of = value[column];
  const values = new Map(Array.from(rows, (row) => [row, of(row)]));
  return rows.slice().sort((a, b) => {
    const [x, y] = [values.get(a)!, values.get(b)!];
    if (Number.isNaN(x) || Number.isNaN(y))
      return Number(Number.isNaN(x)) - Number(Number.isNaN(y));
    return sign * (x - y) || a - b;
  });
}

/** What a click on a column's head leads to: its natural direction, then the other one, then the server's order. */
export function nextOrder(order: Order, column: Column): Order {
  const first = column !== 'symbol';
  if (order.column !== column) return { column, descending: first };
  if (order.descending === first) return { column, descending: !first };
  return { column: undefined, descending: false };
}
