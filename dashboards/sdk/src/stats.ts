/**
 * What a connection has cost and delivered, over the life of a client. Counts only; draws no conclusions.
 */
import type { OffsetEstimate } from './clock.ts';
import type { Data } from './messages.ts';
import type { LostRange } from './sequence.ts';

export interface FeedStats {
  /**
   * Age of events on arrival, ms: our clock at arrival, plus the clock offset, minus the event's `ts`; over the last
   * 2048 events (of a merged record its newest), snapshots left out. Absent before the first one.
   */
  staleness_ms: { p50: number; p99: number } | undefined;
  /** The clock offset behind it; absent where the transport does not tell the time: then our clock was believed. */
  clock: OffsetEstimate | undefined;
  /** Payload bytes received, before WebSocket framing, HTTP headers and TLS. */
  bytes: number;
  frames: number;
  /** Events that came, each or within a merged record. */
  events: number;
  /** Of those, events that had no message of their own. */
  merged: number;
  /** Holes, and the events lost in them. */
  gaps: number;
  lost: number;
  /** Events that came again and were dropped. */
  repeats: number;
  /** Connections after the first, and changes of transport among them. */
  reconnects: number;
  switches: number;
}

/** Samples of which percentiles are taken. */
const KEPT = 2048;

export class Tally {
  /** Connections that came about, and what came over those that are over. */
  greetings = 0;
  bytes = 0;
  readonly counts = { frames: 0, events: 0, merged: 0, gaps: 0, lost: 0, switches: 0 };
  #samples = 0;
  readonly #ages_us = new Float64Array(KEPT);

  /** An event that came when the server's clock read `server_us`. */
  event(event: Data, server_us: number): void {
    if (event.snap) return;
    const more = event.n - (('n0' in event && event.n0) || event.n);
    this.counts.events += more + 1;
    this.counts.merged += more;
    this.#ages_us[this.#samples++ % KEPT] = server_us - event.ts;
  }

  hole({ from, to }: LostRange): void {
    this.counts.gaps += 1;
    this.counts.lost += to - from + 1;
  }

  stats(clock: OffsetEstimate | undefined, bytes: number, repeats: number): FeedStats {
    const ages = this.#ages_us.slice(0, this.#samples).sort();
    // The nearest-rank definition.
    const at = (q: number): number => ages[Math.ceil(q * ages.length) - 1]! / 1000;
    return {
      ...this.counts,
      repeats,
      clock,
      staleness_ms: ages.length ? { p50: at(0.5), p99: at(0.99) } : undefined,
      bytes: this.bytes + bytes,
      reconnects: Math.max(0, this.greetings - 1),
    };
  }
}
