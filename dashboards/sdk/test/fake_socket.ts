/** A WebSocket whose other end is the test: what the client sends is kept, what the server says is called. */
import type { SocketLike } from '../src/link.ts';

export class FakeSocket implements SocketLike {
  static all: FakeSocket[] = [];
  static get last(): FakeSocket {
    return FakeSocket.all.at(-1)!;
  }

  binaryType = '';
  sent: Record<string, unknown>[] = [];
  closed = false;
  onopen: ((event: never) => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  readonly protocol: string;

  constructor(
    readonly url: string,
    protocols: string[],
  ) {
    this.protocol = protocols[0]!;
    FakeSocket.all.push(this);
  }

  send(data: string | Uint8Array): void {
    this.sent.push(JSON.parse(data as string) as Record<string, unknown>);
  }

  close(): void {
    this.closed = true;
  }

  /** The server accepts and greets. */
  greet(epoch = 'e', heartbeat_ms = 1000): void {
    this.onopen?.(undefined as never);
    this.say({ T: 'welcome', epoch, offset: 0, heartbeat_ms, limits: {} });
  }

  say(...messages: object[]): void {
    this.onmessage?.({ data: JSON.stringify(messages) });
  }

  end(code: number): void {
    this.onclose?.({ code, reason: '' });
  }

  /** What was sent, without pings. */
  get requests(): Record<string, unknown>[] {
    return this.sent.filter((message) => message['op'] !== 'ping');
  }
}
