/**
 * The state of the server in a sentence and a few large figures, from the newest scrape and an older one. Pure: says what is
 * wrong first, and what to look at.
 */
import { bytes, count } from '../frame/format.ts';
import { value, type Scrape } from './openmetrics.ts';
import { ms } from './panels.ts';
import { quantile, rate } from './rates.ts';

export interface Tile {
  id: string;
  title: string;
  value: string;
  more: string;
  tone: 'good' | 'warn' | 'bad' | 'plain';
}

export interface Summary {
  sentence: string;
  tone: 'good' | 'warn' | 'bad';
  tiles: Tile[];
}

/** A source that was not heard of for longer is silent, s. */
const SILENT_S = 5;

/** `from` some seconds before `to`. */
export function summary(from: Scrape, to: Scrape): Summary {
  const now = (name: string, labels = {}): number => value(to, `tickcast_${name}`, labels);
  const per = (name: string, labels = {}): number => rate(from, to, `tickcast_${name}`, labels);
  const p99 = 1000 * quantile(from, to, 'tickcast_publish_to_write_seconds', 0.99);
  const figures = {
    messages: per('messages_sent'),
    sent: per('sent_bytes'),
    connections: now('connections'),
    slow: now('slow_connections'),
    merged: per('merged_events'),
    gaps: now('gaps_total'),
    gapping: per('gaps'),
    overwriting: per('queue_overwrites'),
    depth: now('queue_depth'),
    age: now('source_age_seconds'),
    events: per('market_events'),
    p99,
  };
  return { ...verdict(figures), tiles: tiles(figures) };
}

type Figures = Record<
  | 'messages'
  | 'sent'
  | 'connections'
  | 'slow'
  | 'merged'
  | 'gaps'
  | 'gapping'
  | 'overwriting'
  | 'depth'
  | 'age'
  | 'events'
  | 'p99',
  number
>;

function verdict(figures: Figures): Pick<Summary, 'sentence' | 'tone'> {
  const { messages, connections, p99, age, overwriting, gapping, slow } = figures;
  if (age > SILENT_S) {
    return { tone: 'bad', sentence: `The source has been silent for ${Math.round(age)} s.` };
  }
  if (overwriting > 0) {
    const sentence = 'A shard does not keep up: its queue overflows, and events are merged.';
    return { tone: 'bad', sentence };
  }
  if (gapping > 0) {
    return { tone: 'bad', sentence: `Clients lose events: ${figure(gapping)} gaps a second.` };
  }
  if (slow > 0) {
    const who = slow === 1 ? 'One client is' : `${count(slow)} clients are`;
    return { tone: 'warn', sentence: `${who} slow and served merged; all others are not touched.` };
  }
  if (connections === 0) return { tone: 'good', sentence: 'Ready, and nobody is connected.' };
  const within = Number.isFinite(p99) ? `; 99 % are written within ${ms(p99)}` : '';
  const who = connections === 1 ? 'one connection' : `${count(connections)} connections`;
  return { tone: 'good', sentence: `${figure(messages)} messages a second to ${who}${within}.` };
}

function tiles(figures: Figures): Tile[] {
  const { messages, sent, connections, slow, merged, gaps, gapping, events, depth, p99 } = figures;
  const plain = 'plain' as const;
  return [
    { id: 'events', title: 'Market', value: `${figure(events)}/s`, more: 'events', tone: plain },
    {
      ...{ id: 'messages', title: 'Sent', value: `${figure(messages)}/s`, tone: plain },
      more: Number.isFinite(sent) ? `messages, ${bytes(sent)}/s` : 'messages',
    },
    {
      ...{ id: 'connections', title: 'Connections', value: figure(connections) },
      more: slow > 0 ? `${count(slow)} slow` : 'none slow',
      tone: slow > 0 ? 'warn' : plain,
    },
    {
      ...{ id: 'p99', title: 'Publish to write, p99', tone: plain },
      value: Number.isFinite(p99) ? ms(p99) : '–',
      more: `${figure(depth)} waiting in queues`,
    },
    {
      ...{ id: 'merged', title: 'Merged', value: `${figure(merged)}/s` },
      more: 'events, for slow clients',
      tone: merged > 0 ? 'warn' : plain,
    },
    {
      ...{ id: 'gaps', title: 'Gaps', value: figure(gaps), more: 'since the start' },
      tone: gapping > 0 ? 'bad' : plain,
    },
  ];
}

function figure(value: number): string {
  if (!Number.isFinite(value)) return '–';
  return value > 0 && value < 10 ? String(Number(value.toFixed(1))) : count(Math.round(value));
}
