/**
 * One WebSocket from dial to close: chooses the format by subprotocol, decodes frames, encodes requests. Tells its owner
 * about each whole frame and, once, about its end; never reconnects.
 */
import { DecodeError, FeedError } from './errors.ts';
import { decodeJson } from './json.ts';
import type { Message } from './messages.ts';
import { ABNORMAL, FIRST_BYTE_MS, type Link, type LinkOwner } from './transport.ts';

/** The part of the browser's `WebSocket` that is used; hand in another one outside browsers. */
export interface SocketLike {
  binaryType: string;
  readonly protocol: string;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
  onerror?: ((event: never) => void) | null;
  send(data: string | Uint8Array<ArrayBuffer>): void;
  close(code?: number): void;
}
export type SocketConstructor = new (url: string, protocols: string[]) => SocketLike;

/** One connection's way of reading and writing binary frames. */
export interface Codec {
  decode(bytes: Uint8Array): Message[];
  encode(request: Record<string, unknown>): Uint8Array<ArrayBuffer>;
}

export class SocketLink implements Link {
  bytes = 0;
  readonly #socket: SocketLike;
  readonly #timer: ReturnType<typeof setTimeout>;
  #open = false;
  #over = false;

  /** Gives up if no frame has come within `firstByteMs`. */
  readonly #codec: Codec | undefined;
  readonly #owner: LinkOwner;
  constructor(
    url: string | URL,
    codec: Codec | undefined,
    owner: LinkOwner,
    Socket: SocketConstructor,
    firstByteMs = FIRST_BYTE_MS,
  ) {
    this.#codec = codec;
    this.#owner = owner;
    this.#socket = new Socket(`${url}`, [`feed.v1.${codec ? 'msgpack' : 'json'}`]);
    this.#socket.binaryType = 'arraybuffer';
    this.#socket.onopen = () => (this.#open = true);
    this.#socket.onmessage = (event) => this.#take(event.data);
    this.#socket.onclose = (event) => this.#end(event.code);
    // The close event says all there is; without a listener some implementations throw.
    this.#socket.onerror = () => {};
    const error = `no frame within ${firstByteMs} ms`;
    this.#timer = setTimeout(
      () => this.drop(ABNORMAL, new FeedError('silent', error)),
      firstByteMs,
    );
  }

  send(request: Record<string, unknown>): void {
    if (!this.#open || this.#over) return;
    this.#socket.send(this.#codec ? this.#codec.encode(request) : JSON.stringify(request));
  }

  /** Ends it now. A dead peer would never answer a close, so nobody waits for one. */
  drop(code: number = ABNORMAL, error?: FeedError): void {
    if (this.#over) return;
    this.#socket.close(1000);
    this.#end(code, error);
  }

  #take(data: unknown): void {
    if (this.#over) return;
    clearTimeout(this.#timer);
    let messages: Message[];
    try {
      messages = this.#decode(data);
    } catch (error) {
      // Decoding throws nothing else than a DecodeError.
      return this.drop(ABNORMAL, error as FeedError);
    }
    this.#owner.frame(messages);
  }

  #decode(data: unknown): Message[] {
    if (typeof data === 'string') {
      this.bytes += data.length;
      return decodeJson(data);
    }
    if (!this.#codec || !(data instanceof ArrayBuffer)) throw new DecodeError('no text');
    this.bytes += data.byteLength;
    return this.#codec.decode(new Uint8Array(data));
  }

  #end(code: number, error?: FeedError): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#timer);
    this.#owner.ended(code, error);
  }
}
