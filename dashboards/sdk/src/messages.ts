/**
 * The messages of the wire as types, equal for both formats. Prices are integer counts of the symbol's smallest step, and
 * `places` beside them says how many decimals that step has: `{ p: 18720, places: 2 }` is 187.20, exactly. Times are
 * microseconds since the Unix epoch. Holds no logic but `channelOf`.
 */
export type Channel = 'trades' | 'quotes' | 'status' | `bars:${string}`;
export type RequestId = number | string;

interface Event {
  /** Symbol. */
  S: string;
  /** Consecutive number within symbol and channel. */
  n: number;
  /** Position in the whole stream. */
  o: number;
  /** When the event was due, µs. */
  ts: number;
  /** Present on a snapshot: the state at the splice, not something that happened just now. */
  snap?: 1;
}

export interface Trade extends Event {
  T: 't';
  p: number;
  v: number;
  /** Aggressor: 1 buyer, -1 seller, 0 unknown. */
  d: number;
  places: number;
}

/** A quote; with `n0` it stands for the quotes `n0..n`. */
export interface Quote extends Event {
  T: 'q';
  n0?: number;
  b: number;
  B: number;
  a: number;
  A: number;
  places: number;
}

/** The trades `n0..n`, merged: `c` of them, the last one at `p`. */
export interface Merged extends Event {
  T: 'm';
  n0: number;
  ts0: number;
  O: number;
  H: number;
  L: number;
  p: number;
  v: number;
  c: number;
  places: number;
}

export interface Status extends Event {
  T: 's';
  st: string;
}

/** A bar of interval `i`; `x` when it is final. Bars have no `n` and no `o`. */
export interface Bar {
  T: 'b';
  S: string;
  i: string;
  ts: number;
  O: number;
  H: number;
  L: number;
  C: number;
  v: number;
  c: number;
  x: boolean;
  places: number;
  snap?: 1;
}

/** The server says that events `from..to` will not come. */
export interface Gap {
  T: 'gap';
  S: string;
  ch: string;
  from: number;
  to: number;
  why: string;
}

export interface Welcome {
  T: 'welcome';
  epoch: string;
  offset: number;
  heartbeat_ms: number;
  limits: { symbols: number; message_bytes: number; messages_per_s: number; backlog_bytes: number };
}

export interface Subscribed {
  T: 'subscribed';
  id?: RequestId;
  symbols: string[];
  channels: string[];
  mode: string;
  cursor: string;
  recovered?: boolean;
  table?: SymbolTuple[];
}

export interface Heartbeat {
  T: 'heartbeat';
  ts: number;
  o: number;
  sent: number;
  behind_ms: number;
  merged: number;
  source_age_ms: number;
}

export interface ServerError {
  T: 'error';
  id?: RequestId;
  code: string;
  msg: string;
}

export interface Bye {
  T: 'bye';
  code: number;
  retry_ms: number;
  cursor?: string;
}

/** Id, name and decimal places, as MessagePack's `table` gives them. */
export type SymbolTuple = [id: number, name: string, places: number];

/** One entry of `GET /v1/symbols`. */
export interface SymbolRow {
  S: string;
  id: number;
  places: number;
  name: string;
}

export type Data = Trade | Quote | Merged | Status;
export type Message =
  | Data
  | Bar
  | Gap
  | Welcome
  | Subscribed
  | Heartbeat
  | ServerError
  | Bye
  | { T: 'pong'; id?: RequestId; ts: number }
  | { T: 'unsubscribed'; id?: RequestId; symbols: string[]; channels: string[] }
  | { T: 'subscriptions'; id?: RequestId; subscriptions: unknown[] }
  | { T: 'symbols'; table: SymbolTuple[] }
  | { T: 'authenticated'; id?: RequestId; expires?: number };

/** The channel whose numbers `n` a data message counts in. */
export function channelOf({ T }: Data): 'trades' | 'quotes' | 'status' {
  return T === 'q' ? 'quotes' : T === 's' ? 'status' : 'trades';
}

/** Whether a message is an event with `n` and `o`. */
export function isData(message: Message): message is Data {
  return message.T.length === 1 && 'tmqs'.includes(message.T);
}
