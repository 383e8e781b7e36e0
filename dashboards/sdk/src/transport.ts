/**
 * What the client knows of a connection, whatever carries it: requests go in, whole frames come out, and its end is told
 * once. `link.ts` is a WebSocket; `http/` makes the other transports look like one.
 */
import type { FeedError } from './errors.ts';
import type { Message } from './messages.ts';

export type Format = 'json' | 'msgpack';
export type ConnectionState = 'connecting' | 'live' | 'stale' | 'reconnecting' | 'closed';

/** What browsers report when there was no close frame. */
export const ABNORMAL = 1006;

/** A transport over which nothing has come by then does not get through. */
export const FIRST_BYTE_MS = 5000;

export interface LinkOwner {
  /** One whole frame. `alive` is false while some other part of the connection is silent. */
  frame(messages: Message[], alive?: boolean): void;
  /** There is a connection; a link whose server greets in a frame need not call it. */
  opened(epoch: string, heartbeat_ms: number): void;
  /** Everything up to this offset has come, on every subscription. */
  safe(offset: number): void;
  /** The server's clock read `server_us` some time between our `from_us` and `to_us`. */
  clock(from_us: number, server_us: number, to_us: number): void;
  ended(code: number, error?: FeedError): void;
}

export interface Link {
  /** Takes subscriptions before it is greeted. */
  readonly eager?: boolean;
  /** Payload bytes received. */
  readonly bytes: number;
  send(request: Record<string, unknown>): void;
  /** Ends it now. */
  drop(code?: number, error?: FeedError): void;
}

/** The addresses below `url`, which is the server's own or that of its WebSocket. */
export function endpoint(url: string, path: string): URL {
  const here = (globalThis as { location?: { href: string } }).location?.href;
  const address = new URL(url, here);
  address.pathname = `${address.pathname.replace(/(\/v1\/ws)?\/*$/, '')}/v1/${path}`;
  address.protocol = address.protocol.replace(/ws|http/, path === 'ws' ? path : 'http');
  return address;
}
