/**
 * What a client is given, and what it says: options, status and events. Types only.
 */
import type { TransportName } from './ladder.ts';
import type { SocketConstructor } from './link.ts';
import type { Message, ServerError } from './messages.ts';
import type { FeedError } from './errors.ts';
import type { LostRange } from './sequence.ts';
import type { Outcome, Subscription } from './subscription.ts';
import type { ConnectionState, Format } from './transport.ts';

export interface FeedClientOptions {
  /** The server: `https://feed.example`, or its WebSocket: `wss://feed.example/v1/ws`. */
  url: string;
  /** On WebSockets; the other transports are JSON. */
  format?: Format;
  /** What to try, best first: `ws`, `sse`, `stream`, `longpoll`, `poll` if left out. */
  transports?: readonly TransportName[];
  /** The `WebSocket` class where there is no global one (Node before 22). */
  webSocket?: SocketConstructor;
  fetch?: typeof fetch;
  /** A transport over which no byte has come within this time does not get through. 5000 ms if left out. */
  firstByteMs?: number;
  /** Time between polls, ms; 1000 if left out. */
  pollMs?: number;
  /** How long the server may hold a long poll, ms; 10000 if left out. */
  waitMs?: number;
  /** How often the server gives a sign of life, ms; its default is 5000. */
  heartbeatMs?: number;
  /** Closes the client. */
  signal?: AbortSignal;
  /** Draws in [0, 1); for tests. */
  random?: () => number;
}

/** What a page shows about the connection. */
export interface LinkStatus {
  state: ConnectionState;
  transport: TransportName;
  /** JSON on every transport but `ws`. */
  format: Format;
  /** Failed dials and lost connections since the last `welcome`. */
  attempt: number;
  /** When the next dial is due, ms since the Unix epoch; absent while dialling. */
  retryAt?: number;
  /** Close code of the last connection, if there was one. */
  code?: number;
}

/** `from` did not get through, for the reason `why`; its cursors go on over `to`. */
export interface TransportChange {
  from: TransportName;
  to: TransportName;
  why?: FeedError;
}

export interface FeedClientEvents {
  state(status: LinkStatus): void;
  transport(change: TransportChange): void;
  /** The messages of one frame, after all bookkeeping, and our clock when it came (µs). */
  frame(messages: Message[], received_us: number): void;
  gap(lost: LostRange): void;
  resume(subscription: Subscription, outcome: Outcome): void;
  error(error: ServerError | Error): void;
}
