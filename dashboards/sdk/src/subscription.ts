/**
 * One `subscribe` and what is needed to repeat it after a reconnect: its names, and the cursor up to which everything has
 * come. The cursor only moves to positions that the contract calls safe; resuming from it loses and repeats nothing.
 */
import type { Data, Subscribed } from './messages.ts';

export interface SubscribeRequest {
  symbols: string[];
  /** `trades` if left out. */
  channels?: string[];
  mode?: 'every' | 'latest';
  interval_ms?: number;
  on_slow?: 'merge' | 'close';
  snapshot?: boolean;
  /** A cursor kept from an earlier session. */
  since?: string;
}

export class Subscription {
  readonly symbols: Set<string>;
  readonly channels: Set<string>;
  private epoch: string | undefined;
  private offset: number | undefined;
  private answered = false;
  /** Snapshots move the cursor where they come in increasing offsets: at a fresh start, not among replayed events. */
  private fresh = true;

  constructor(
    readonly id: number,
    private readonly request: SubscribeRequest,
  ) {
    this.symbols = new Set(request.symbols);
    this.channels = new Set(request.channels ?? ['trades']);
    const [epoch, offset] = request.since?.split(':') ?? [];
    if (offset !== undefined) {
      this.epoch = epoch;
      this.offset = Number(offset);
    }
  }

  /** `EPOCH:OFFSET`: everything up to and including OFFSET has come. */
  get cursor(): string | undefined {
    return this.offset === undefined ? undefined : `${this.epoch}:${this.offset}`;
  }

  /** The message to send, on a new connection with the cursor to go on from. */
  message(): Record<string, unknown> {
    const since = this.cursor;
    return {
      op: 'subscribe',
      ...this.request,
      id: this.id,
      symbols: [...this.symbols],
      channels: [...this.channels],
      ...(since === undefined ? {} : { since }),
    };
  }

  /** The connection is gone: nothing is safe until the server has answered again. */
  disconnected(): void {
    this.answered = false;
  }

  /** The server's answer, which says whether it goes on from the cursor. */
  accept(answer: Subscribed): void {
    const epoch = answer.cursor.slice(0, answer.cursor.indexOf(':'));
    if (epoch !== this.epoch) this.offset = undefined;
    this.epoch = epoch;
    this.fresh = this.offset === undefined;
    this.answered = true;
  }

  /** An event of this subscription has come. */
  received(event: Data): void {
    if (!this.answered || (event.snap && !this.fresh)) return;
    this.advance(event.o);
  }

  /** A position that is safe for the whole connection (`heartbeat.sent`, `bye.cursor`). */
  safe(offset: number): void {
    if (this.answered) this.advance(offset);
  }

  /** Whether events of `symbol` on `channel` can belong to it. */
  matches(symbol: string, channel: string): boolean {
    if (!this.channels.has(channel)) return false;
    if (this.symbols.has(symbol) || this.symbols.has('*')) return true;
    for (const pattern of this.symbols) {
      if (pattern.endsWith('*') && symbol.startsWith(pattern.slice(0, -1))) return true;
    }
    return false;
  }

  private advance(offset: number): void {
    if (this.offset === undefined || offset > this.offset) this.offset = offset;
  }
}
