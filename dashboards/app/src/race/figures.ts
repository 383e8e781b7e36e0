/**
 * What is shown of a lane, from the totals of page, relay and server over the last seconds. Pure; a figure that is not known
 * is not a number.
 */
import type { Measured } from './headline.ts';
import { quantile } from './histogram.ts';
import type { LabLane } from './lab.ts';
import type { LaneFigures, Totals } from './talk.ts';

/** One look at a lane: what the page counted, and what the laboratory did, where there is one. */
export interface Look {
  totals: Totals;
  bins: Float64Array;
  lab: Pick<LabLane, 'relay' | 'server'> | undefined;
}

export interface Shown extends Measured {
  p50_ms: number;
  p99_ms: number;
  updates_s: number;
  /** Bytes both ways, with all headers; of payload alone where there is no relay. */
  bytes_update: number;
  /** Server's CPU time a message, over all its clients on this transport, µs. */
  cpu_us: number;
  /** Until an answer came, ms. */
  answer_ms: number;
  missed: number;
  merged: number;
  bins: Float64Array;
}

export function shown(from: Look, to: Look, seconds: number): Shown {
  const of = (key: keyof Totals): number => to.totals[key] - from.totals[key];
  const bins = to.bins.map((count, bin) => count - from.bins[bin]!);
  const updates = of('updates');
  const bytes = relayed(from, to) ?? of('payload');
  const requests = of('requests');
  return {
    age_ms: of('age_area') / of('age_time'),
    latency_ms: of('latency_sum') / updates,
    p50_ms: quantile(bins, 0.5),
    p99_ms: quantile(bins, 0.99),
    updates_s: updates / seconds,
    requests_s: requests / seconds,
    merging: of('events') / updates,
    bytes_s: bytes / seconds,
    bytes_update: updates > 0 ? bytes / updates : NaN,
    cpu_us: cpu(from, to),
    answer_ms: of('answer_sum') / of('answers'),
    // Since the page was opened: a hole is not forgotten after some seconds.
    missed: to.totals.lost,
    merged: to.totals.merged,
    bins,
  };
}

function relayed(from: Look, to: Look): number | undefined {
  if (!from.lab || !to.lab) return undefined;
  const all = ({ relay }: Pick<LabLane, 'relay'>): number => relay.up_bytes + relay.down_bytes;
  // Less than before means another server.
  return Math.max(0, all(to.lab) - all(from.lab));
}

function cpu(from: Look, to: Look): number {
  if (!from.lab || !to.lab) return NaN;
  const messages = to.lab.server.messages - from.lab.server.messages;
  return messages > 0 ? (to.lab.server.cpu_us - from.lab.server.cpu_us) / messages : NaN;
}

/**
 * Whether somebody else's page uses the relays too: then they carry clearly more than came in here, and bytes are of both.
 * A WebSocket's headers are a few bytes a message, so it shows best there.
 */
export function isShared(from: Look, to: Look): boolean {
  const bytes = relayed(from, to);
  if (bytes === undefined) return false;
  return bytes > 1.6 * (to.totals.payload - from.totals.payload) + 4000;
}

/** A first look, for lanes that have not been heard of. */
export function look(figures: LaneFigures, lab: Look['lab']): Look | undefined {
  return figures.bins && { totals: figures.totals, bins: figures.bins, lab };
}
