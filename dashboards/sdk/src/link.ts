/**
 * One WebSocket from dial to close: chooses the format by subprotocol, decodes frames, encodes requests. Tells its owner
 * about each whole frame and, once, about its end; never reconnects.
 */
import { decodeMsgpack, SymbolTable } from './frames.ts';
import { DecodeError, decodeJson } from './json.ts';
import type { Message } from './messages.ts';
import { writeMsgpack } from './msgpack_write.ts';

export type Format = 'json' | 'msgpack';
export type ConnectionState = 'connecting' | 'live' | 'stale' | 'reconnecting' | 'closed';

/** What a page shows about the connection. */
export interface LinkStatus {
  state: ConnectionState;
  format: Format;
  /** Failed dials and lost connections since the last `welcome`. */
  attempt: number;
  /** When the next dial is due, ms since the Unix epoch; absent while dialling. */
  retryAt?: number;
  /** Close code of the last connection, if there was one. */
  code?: number;
}

/** The part of the browser's `WebSocket` that is used; hand in another one outside browsers. */
export interface SocketLike {
  binaryType: string;
  readonly protocol: string;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
  send(data: string | Uint8Array<ArrayBuffer>): void;
  close(code?: number): void;
}
export type SocketConstructor = new (url: string, protocols: string[]) => SocketLike;

export interface LinkOwner {
  frame(messages: Message[]): void;
  ended(code: number, error?: DecodeError): void;
}

/** What browsers report when there was no close frame. */
export const ABNORMAL = 1006;

export class Link {
  private readonly socket: SocketLike;
  private readonly table = new SymbolTable();
  private open = false;
  private over = false;

  constructor(
    url: string,
    private readonly format: Format,
    private readonly owner: LinkOwner,
    Socket: SocketConstructor,
  ) {
    this.socket = new Socket(url, [`feed.v1.${format}`]);
    this.socket.binaryType = 'arraybuffer';
    this.socket.onopen = () => (this.open = true);
    this.socket.onmessage = (event) => this.take(event.data);
    this.socket.onclose = (event) => this.end(event.code);
  }

  send(request: Record<string, unknown>): void {
    if (!this.open || this.over) return;
    this.socket.send(this.format === 'json' ? JSON.stringify(request) : writeMsgpack(request));
  }

  /** Ends it now. A dead peer would never answer a close, so nobody waits for one. */
  drop(code: number = ABNORMAL, error?: DecodeError): void {
    if (this.over) return;
    this.socket.close(1000);
    this.end(code, error);
  }

  private take(data: unknown): void {
    if (this.over) return;
    let messages: Message[];
    try {
      messages = this.decode(data);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      return this.drop(ABNORMAL, error);
    }
    this.owner.frame(messages);
  }

  private decode(data: unknown): Message[] {
    if (typeof data === 'string') return decodeJson(data);
    if (data instanceof ArrayBuffer) return decodeMsgpack(new Uint8Array(data), this.table);
    throw new DecodeError('neither text nor bytes');
  }

  private end(code: number, error?: DecodeError): void {
    if (this.over) return;
    this.over = true;
    this.owner.ended(code, error);
  }
}
