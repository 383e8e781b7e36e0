/**
 * The sentence over the race, made of nothing but what was measured in the last seconds. Says less while less is known, and
 * says so where polling is not the dearer way. Pure.
 */
import type { TransportName } from '@tickcast/client';

/** What was measured of a lane; not a number where it is not known. */
export interface Measured {
  age_ms: number;
  latency_ms: number;
  bytes_s: number;
  requests_s: number;
  /** Trades that one painted price stands for, on average. */
  merging?: number;
}

/** Text, and figures that stand out. */
export interface Piece {
  text: string;
  strong?: 'good' | 'bad';
}

export interface Headline {
  /** What polling does, and what WebSocket does: a line each. */
  title: Piece[][];
  more: Piece[];
}

/** Where the market itself is silent for longer, ages say more of the market than of the transport. */
const QUIET_MS = 200;
/** Bytes that differ by less are as good as the same. */
const DEARER = 1.4;

export function headline(
  lanes: Partial<Record<TransportName, Measured>>,
  poll_ms: number,
): Headline {
  const { ws, poll, longpoll } = lanes;
  const known = (...values: (number | undefined)[]): boolean => values.every(Number.isFinite);
  if (!ws || !poll || !known(ws.age_ms, poll.age_ms, ws.latency_ms, poll.latency_ms)) {
    return {
      title: [[{ text: 'The same prices over five transports.' }]],
      more: [{ text: 'Measuring what each of them costs …' }],
    };
  }
  const quiet = ws.age_ms > QUIET_MS && ws.age_ms > 4 * ws.latency_ms;
  const [slow, fast] = quiet ? [poll.latency_ms, ws.latency_ms] : [poll.age_ms, ws.age_ms];
  const worse = slow > 1.5 * fast;
  const ratio = poll.bytes_s / ws.bytes_s;
  const polling: Piece[] = [
    { text: `Polling ${howOften(poll_ms)} shows you ${quiet ? 'each trade' : 'a price that is'} ` },
    { text: duration(slow), ...(worse && { strong: 'bad' as const }) },
    { text: quiet ? ' late' : ' old' },
    ...(ratio >= DEARER
      ? [{ text: ' and costs ' }, { text: `${times(ratio)} the bytes`, strong: 'bad' as const }]
      : []),
    { text: '.' },
  ];
  const pushing: Piece[] = [
    { text: 'WebSocket: ' },
    { text: duration(fast), ...(worse && { strong: 'good' as const }) },
    { text: `${otherwise(ratio)}.` },
  ];
  return {
    title: [polling, pushing],
    more: [...unseen(poll), ...(longpoll ? aside(longpoll, ws, quiet) : [])],
  };
}

/** What WebSocket's bytes are against polling's, where polling is not the dearer way. */
function otherwise(ratio: number): string {
  if (!Number.isFinite(ratio) || ratio <= 0 || ratio >= DEARER) return '';
  return ratio > 1 / DEARER ? ', for the same bytes' : `, for ${times(1 / ratio)} the bytes`;
}

/** What was merged away before anybody saw it. */
function unseen({ merging = 1 }: Measured): Piece[] {
  if (!(merging >= 1.5)) return [];
  return [
    { text: `Of ${Math.round(merging).toLocaleString('en-US')} trades polling shows you one. ` },
  ];
}

function aside(longpoll: Measured, ws: Measured, quiet: boolean): Piece[] {
  const shown = quiet ? longpoll.latency_ms : longpoll.age_ms;
  const ratio = longpoll.bytes_s / ws.bytes_s;
  if (!Number.isFinite(shown) || !(longpoll.requests_s > 0)) return [];
  const bytes = Number.isFinite(ratio)
    ? ratio >= DEARER
      ? ` and ${times(ratio)} the bytes of WebSocket`
      : ' and no more bytes than WebSocket'
    : '';
  return [
    { text: `Long polling gets to ${duration(shown)}, with ` },
    { text: `${rate(longpoll.requests_s)} a second${bytes}.` },
  ];
}

/** How often one is polled, in words. */
export function howOften(ms: number): string {
  if (ms === 1000) return 'once a second';
  if (ms === 500) return 'twice a second';
  if (ms < 1000) return `${figure(1000 / ms)} times a second`;
  return ms % 1000 === 0 ? `every ${ms / 1000} seconds` : `every ${figure(ms / 1000)} seconds`;
}

/** `0.6 ms`, `12 ms`, `1,240 ms`, `12.4 s`. */
export function duration(ms: number): string {
  if (!Number.isFinite(ms)) return '–';
  if (ms < 0.1) return '< 0.1 ms';
  if (ms < 9.95) return `${ms.toFixed(1)} ms`;
  if (ms < 9999.5) return `${Math.round(ms).toLocaleString('en-US')} ms`;
  return `${(ms / 1000).toFixed(1)} s`;
}

/** `1.8 times`, `9 times`. */
export function times(ratio: number): string {
  return `${figure(ratio)} times`;
}

function rate(requests_s: number): string {
  const shown = figure(requests_s);
  return `${shown} ${shown === '1' ? 'request' : 'requests'}`;
}

/** Two digits, or a whole number. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return '–';
  if (value >= 9.95) return Math.round(value).toLocaleString('en-US');
  return String(Number(value.toFixed(value < 0.095 ? 2 : 1)));
}
