/**
 * The page's own address: symbol, interval, pace, connection, what was typed and how the list is sorted, so that a link
 * shows the same thing again. What is the default is not written. Pure.
 */
import type { Format, TransportName } from '@tickcast/client';
import type { Column, Order } from './list/filter.ts';

export const INTERVALS = ['1s', '5s', '1m', '5m', '15m', '1h', '1d'] as const;
export type Interval = (typeof INTERVALS)[number];
export const TRANSPORTS: readonly TransportName[] = ['ws', 'sse', 'stream', 'longpoll', 'poll'];
const COLUMNS: readonly Column[] = ['symbol', 'last', 'change', 'volume'];
/** The server's limit. */
const INTERVAL_MS_MAX = 60_000;

export interface Wishes {
  /** The first one of the list where there is none. */
  symbol: string | undefined;
  interval: Interval;
  /** Every trade (0), or the latest each so many ms. */
  interval_ms: number;
  format: Format;
  /** The best that gets through where none is named. */
  transport: TransportName | undefined;
  typed: string;
  order: Order;
}

export function readAddress(query: string): Wishes {
  const parameters = new URLSearchParams(query);
  const get = (name: string): string => parameters.get(name) ?? '';
  const pace = /^\d+$/.test(get('interval_ms')) ? Number(get('interval_ms')) : 0;
  const sort = get('sort');
  return {
    symbol: get('symbol') || undefined,
    interval: INTERVALS.find((interval) => interval === get('interval')) ?? '1m',
    interval_ms: Math.min(pace, INTERVAL_MS_MAX),
    format: get('format') === 'msgpack' ? 'msgpack' : 'json',
    transport: TRANSPORTS.find((transport) => transport === get('transport')),
    typed: get('q'),
    order: {
      column: COLUMNS.find((column) => column === sort.replace('-', '')),
      descending: sort.startsWith('-'),
    },
  };
}

export function writeAddress(wishes: Wishes): string {
  const { order } = wishes;
  const entries: [string, string][] = [
    ['symbol', wishes.symbol ?? ''],
    ['interval', wishes.interval === '1m' ? '' : wishes.interval],
    ['interval_ms', wishes.interval_ms === 0 ? '' : String(wishes.interval_ms)],
    ['format', wishes.format === 'json' ? '' : wishes.format],
    ['transport', wishes.transport ?? ''],
    ['q', wishes.typed],
    ['sort', order.column ? `${order.descending ? '-' : ''}${order.column}` : ''],
  ];
  const query = new URLSearchParams(entries.filter(([, value]) => value !== '')).toString();
  return query === '' ? '' : `?${query}`;
}
