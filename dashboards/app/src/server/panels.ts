/**
 * The panels of the server page: for each its lines, what they show of two scrapes, and how numbers are printed. A list, not
 * a program: another panel is another entry.
 */
import { bytes, count } from '../frame/format.ts';
import { labelled, value, type Scrape } from './openmetrics.ts';
import { quantile, rate } from './rates.ts';

export interface Line {
  name: string;
  of(from: Scrape, to: Scrape): number;
}

export interface Panel {
  id: string;
  title: string;
  /** What it means when it moves, in a sentence. */
  means: string;
  print(value: number): string;
  /** Powers of ten are equally far apart. */
  logarithmic?: true;
  lines(scrape: Scrape): Line[];
}

const TRANSPORTS: readonly [string, string][] = [
  ['websocket', 'WebSocket'],
  ['sse', 'SSE'],
  ['stream', 'HTTP stream'],
  ['long_poll', 'Long polling'],
  ['poll', 'Polling'],
];
const PUBLISH = 'tickcast_publish_to_write_seconds';
const LATENESS = 'tickcast_source_lateness_seconds';

const gauge =
  (name: string, labels = {}) =>
  (_: Scrape, to: Scrape) =>
    value(to, name, labels);
const grows =
  (name: string, labels = {}) =>
  (from: Scrape, to: Scrape) =>
    rate(from, to, name, labels);
const byTransport = (of: (transport: string) => Line['of']) => (): Line[] =>
  TRANSPORTS.map(([transport, name]) => ({ name, of: of(transport) }));
const quantiles = (name: string) => (): Line[] =>
  [0.5, 0.9, 0.99].map((q) => ({
    name: `p${q * 100}`,
    of: (from, to) => 1000 * quantile(from, to, name, q),
  }));

function whole(value: number): string {
  return value > 0 && value < 10 ? String(Number(value.toFixed(1))) : count(Math.round(value));
}
const perSecond = (value: number): string => `${whole(value)}/s`;

/** Milliseconds, short. */
export function ms(value: number): string {
  if (value >= 10_000) return `${whole(value / 1000)} s`;
  if (value >= 10) return `${count(Math.round(value))} ms`;
  return `${Number(value.toFixed(value < 1 ? 2 : 1))} ms`;
}

export const PANELS: readonly Panel[] = [
  {
    id: 'messages',
    title: 'Messages sent',
    means: 'Data messages a second, by transport',
    print: perSecond,
    lines: byTransport((transport) => grows('tickcast_messages_sent', { transport })),
  },
  {
    id: 'publish',
    title: 'Publish to write',
    means: 'From the market to the last socket of a batch',
    print: ms,
    logarithmic: true,
    lines: quantiles(PUBLISH),
  },
  {
    id: 'connections',
    title: 'Connections',
    means: 'Open now; a long poll is one while it waits',
    print: whole,
    lines: byTransport((transport) => gauge('tickcast_connections', { transport })),
  },
  {
    id: 'bytes',
    title: 'Bytes sent',
    means: 'Handed to sockets a second, by transport',
    print: (value) => `${bytes(value)}/s`,
    lines: byTransport((transport) => grows('tickcast_sent_bytes', { transport })),
  },
  {
    id: 'merged',
    title: 'Merges and gaps',
    means: 'A second: events merged away, gaps by cause',
    print: perSecond,
    lines: () => [
      { name: 'merged', of: grows('tickcast_merged_events') },
      { name: 'gaps: slow', of: grows('tickcast_gaps', { why: 'slow' }) },
      { name: 'gaps: history', of: grows('tickcast_gaps', { why: 'history' }) },
      { name: 'gaps: overflow', of: grows('tickcast_gaps', { why: 'overflow' }) },
    ],
  },
  {
    id: 'slow',
    title: 'Slow clients',
    means: 'With bytes that wait for their socket',
    print: whole,
    lines: () => [
      { name: 'slow now', of: gauge('tickcast_slow_connections') },
      { name: 'fell behind/s', of: grows('tickcast_fell_behind') },
    ],
  },
  {
    id: 'queues',
    title: 'Queue depth',
    means: 'Events that wait for a shard',
    print: whole,
    lines: (scrape) => [
      ...labelled(scrape, 'tickcast_queue_depth', 'shard').map((shard) => ({
        name: `shard ${shard}`,
        of: gauge('tickcast_queue_depth', { shard }),
      })),
      { name: 'overwritten/s', of: grows('tickcast_queue_overwrites') },
    ],
  },
  {
    id: 'lateness',
    title: 'Source lateness',
    means: 'After its scheduled time an event was handed over',
    print: ms,
    logarithmic: true,
    lines: quantiles(LATENESS),
  },
  {
    id: 'requests',
    title: 'Requests answered',
    means: 'Polls, long polls and streams begun a second',
    print: perSecond,
    lines: () => [
      { name: 'long polls', of: grows('tickcast_polls', { transport: 'long_poll' }) },
      { name: 'polls', of: grows('tickcast_polls', { transport: 'poll' }) },
      { name: 'sockets and streams', of: opened },
    ],
  },
];

function opened(from: Scrape, to: Scrape): number {
  const kinds = ['websocket', 'sse', 'stream'];
  return kinds.reduce(
    (sum, transport) => sum + rate(from, to, 'tickcast_connections_opened', { transport }),
    0,
  );
}
