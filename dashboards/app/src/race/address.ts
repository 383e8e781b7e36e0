/** The race page's own address: symbol, what is sent, how often is polled. What is the default is not written. Pure. */
import type { Mode } from './talk.ts';

const POLL_MS = 1000;

export interface RaceWishes {
  /** The liveliest one where there is none. */
  symbol: string | undefined;
  mode: Mode;
  poll_ms: number;
}

export function readWishes(query: string): RaceWishes {
  const parameters = new URLSearchParams(query);
  const poll = parameters.get('poll_ms') ?? '';
  return {
    symbol: parameters.get('symbol') || undefined,
    mode: parameters.get('mode') === 'latest' ? 'latest' : 'every',
    poll_ms: /^\d+$/.test(poll) ? Math.min(60_000, Math.max(50, Number(poll))) : POLL_MS,
  };
}

export function writeWishes({ symbol, mode, poll_ms }: RaceWishes): string {
  const query = new URLSearchParams([
    ...(symbol ? [['symbol', symbol]] : []),
    ...(mode === 'latest' ? [['mode', mode]] : []),
    ...(poll_ms === POLL_MS ? [] : [['poll_ms', String(poll_ms)]]),
  ] as [string, string][]).toString();
  return query === '' ? '' : `?${query}`;
}
