/**
 * What the race page and its worker say to each other. The page asks for the figures once a frame; totals only grow, so the
 * page can take differences over whatever time it likes.
 */
import type { ConnectionState, Outcome, TransportName } from '@tickcast/client';

/** The lanes, from top to bottom. */
export const LANES: readonly TransportName[] = ['ws', 'sse', 'stream', 'longpoll', 'poll'];
export type Mode = 'every' | 'latest';

/** Where one lane's client connects. */
export interface LaneRoute {
  name: TransportName;
  url: string;
}

export interface Course {
  routes: LaneRoute[];
  symbol: string;
  mode: Mode;
  poll_ms: number;
  /** Server and page run on one machine: their clocks are one. */
  oneClock: boolean;
}

/** Totals of one lane since the page was opened. */
export interface Totals {
  /** Events that came, merged ones singly, and those among them that had no message of their own. */
  events: number;
  merged: number;
  /** Events that never came. */
  lost: number;
  /** Messages with a price: what was painted at most. */
  updates: number;
  /** HTTP requests and WebSocket handshakes. */
  requests: number;
  /** Bytes of payload, where no relay counts all of them. */
  payload: number;
  /** Age of the newest price, added up over time (ms²), and that time (ms). Their quotient is the mean age. */
  age_area: number;
  age_time: number;
  /** Latencies of updates added up, ms. */
  latency_sum: number;
  /** Time until answers came (ms), and how many; of HTTP alone. */
  answer_sum: number;
  answers: number;
}

export interface LaneFigures {
  name: TransportName;
  state: ConnectionState;
  /** The newest price in steps of 10^-places; not a number before the first. */
  price: number;
  places: number;
  /** When it was due, µs of the page's clock. */
  due_us: number;
  totals: Totals;
  /** How many updates had which latency: see `histogram.ts`. Only when they were asked for. */
  bins: Float64Array | undefined;
}

/** The server's clock minus the page's, and how wrong that can be. */
export interface RaceClock {
  offset_us: number;
  error_us: number;
  source: 'one clock' | 'measured' | 'unknown';
}

export type ToRunner =
  { ask: 'course'; course: Course } | { ask: 'take'; bins: boolean } | { ask: 'run'; run: boolean };

export type FromRunner =
  | { say: 'figures'; lanes: LaneFigures[]; clock: RaceClock; taken_us: number }
  | { say: 'left'; name: TransportName }
  | { say: 'back'; name: TransportName; outcome: Outcome; away_ms: number; lost: number };
