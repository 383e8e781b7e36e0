/**
 * What page and worker say to each other. Numbers travel in typed arrays that are handed over, not copied; a batch holds
 * what has changed since the page took the last one, so its size is bounded by the screen and not by the market.
 */
import type {
  FeedStats,
  Format,
  Heartbeat,
  LinkStatus,
  LostRange,
  OffsetEstimate,
  Outcome,
  SymbolRow,
  TransportName,
} from '@tickcast/client';

/** A changed row: its number, last price, time of the last trade (µs), traded since the last batch. */
export const ROW = 4;
/** A trade of the tape: ts (µs), price, volume, trades that it stands for, aggressor (1, -1, 0). */
export const TRADE = 5;
/** A bar: start (µs), open, high, low, close, volume, trades, final (1 or 0). */
export const BAR = 8;
/** A day so far: row, open, last, volume. */
export const DAY = 4;

/** Prices are in steps of 10^-places of their symbol. */
export interface Batch {
  rows: Float64Array<ArrayBuffer>;
  /** Of the chart's symbol, oldest first. */
  tape: Float64Array<ArrayBuffer>;
  /** Of the chart's symbol and interval, oldest first. */
  bars: Float64Array<ArrayBuffer>;
  /** Of the chart's symbol: bid, its size, ask, its size; or empty. */
  quote: Float64Array<ArrayBuffer>;
  /** Which `chart` request it answers. */
  chart: number;
  /** Bars were dropped because the page took none for too long: it has to ask for them. */
  barsLost: boolean;
}

/** What is wanted of the connection. */
export interface Route {
  transport?: TransportName | undefined;
  format: Format;
}

export interface BarsQuestion {
  symbol: string;
  interval: string;
  from?: number;
  to?: number;
  limit?: number;
}

export type ToWorker =
  | { ask: 'open'; url: string; route: Route }
  | { ask: 'route'; route: Route }
  | { ask: 'watch'; names: string[] }
  | { ask: 'pace'; interval_ms: number }
  | { ask: 'chart'; chart: number; symbol: string; interval: string }
  | { ask: 'bars'; id: number; question: BarsQuestion }
  | { ask: 'sparks'; names: string[] }
  | { ask: 'days' }
  | { ask: 'drained' }
  | { ask: 'wake' }
  | { ask: 'visible'; visible: boolean };

export interface Figures {
  /** Running totals: events that came (merged ones singly), and those that came within another one's message. */
  received: number;
  merged: number;
  stats: FeedStats;
  heartbeat: Heartbeat | undefined;
  /** Median age on arrival in the last second, µs, by the server's clock. */
  latency_us: number | undefined;
  clock: OffsetEstimate | undefined;
}

export type FromWorker =
  | { say: 'symbols'; symbols: SymbolRow[]; restarted: boolean }
  | { say: 'batch'; batch: Batch }
  | { say: 'status'; status: LinkStatus; paused: boolean }
  | { say: 'figures'; figures: Figures }
  | { say: 'gap'; lost: LostRange }
  /** The trades of the chart's symbol go on after an interruption. */
  | { say: 'resumed'; outcome: Outcome; from_us: number; to_us: number }
  | { say: 'bars'; id: number; bars: Float64Array<ArrayBuffer> }
  | { say: 'failed'; id: number; why: string }
  | { say: 'spark'; row: number; closes: Float32Array<ArrayBuffer> }
  | { say: 'days'; days: Float64Array<ArrayBuffer> }
  | { say: 'warning'; text: string };
