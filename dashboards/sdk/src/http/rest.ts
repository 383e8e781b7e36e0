/**
 * Questions with one answer: bars of the past, the list of symbols, and why a handshake was refused.
 */
import { DecodeError, FeedError } from '../errors.ts';
import { parseExact } from '../json.ts';
import type { Bar, SymbolRow } from '../messages.ts';
import { getText, type HttpOptions, type Params } from './request.ts';

/** Which bars: of `[from, to)`, the newest `limit` (500, at most 5000). Times are µs. */
export interface BarsRequest {
  symbol: string;
  /** `1s` `5s` `1m` `5m` `15m` `1h` `1d` */
  interval: string;
  from?: number;
  to?: number;
  limit?: number;
  signal?: AbortSignal;
}

export async function bars(options: HttpOptions, request: BarsRequest): Promise<Bar[]> {
  const { signal, ...params } = request;
  const rows = list(await getText(options, 'bars', params as Params, signal), 'bars');
  const { symbol: S, interval: i } = request;
  return rows.map((row) => ({ T: 'b', S, i, ...(row as object) }) as Bar);
}

export async function symbols(options: HttpOptions, signal?: AbortSignal): Promise<SymbolRow[]> {
  return list(await getText(options, 'symbols', {}, signal), 'symbols') as SymbolRow[];
}

/** Why the server does not want us, if it says so for good. */
export async function refusal(options: HttpOptions): Promise<FeedError | undefined> {
  try {
    await getText(options, 'ws', {});
  } catch (error) {
    if (error instanceof FeedError && error.closeCode) return error;
  }
  return undefined;
}

/** Whether the server answers at all. */
export async function reachable(options: HttpOptions): Promise<boolean> {
  try {
    await getText(options, 'bars', {});
  } catch (error) {
    // Without a symbol it says 400: that is an answer.
    return error instanceof FeedError && error.code === 'refused';
  }
  return true;
}

function list(text: string, path: string): unknown[] {
  const rows = parseExact(text);
  if (!Array.isArray(rows)) throw new DecodeError(`/v1/${path} is no list`);
  return rows as unknown[];
}
