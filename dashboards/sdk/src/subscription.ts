/**
 * One `subscribe`: its events and iterators, and what is needed to repeat it after a reconnect, its names and the cursor up
 * to which everything has come. The cursor only moves to positions that the contract calls safe; resuming from it loses and
 * repeats nothing.
 */
import { Emitter } from './emitter.ts';
import { Inbox, type FeedItem, type FeedIterator, type InboxOptions } from './inbox.ts';
import type {
  Bar,
  Data,
  Merged,
  Quote,
  ServerError,
  Status,
  Subscribed,
  Trade,
} from './messages.ts';
import type { LostRange } from './sequence.ts';

export interface SubscribeRequest {
  /** Names, prefixes such as `BTC*`, or `*` for all. */
  symbols: string[];
  /** `trades` if left out. */
  channels?: string[];
  /** `every` event, or the `latest` of each symbol and second, merged. */
  mode?: 'every' | 'latest';
  /** How often `latest` sends, ms; 0 is as fast as the connection takes it. */
  interval_ms?: number;
  on_slow?: 'merge' | 'close';
  /** Whether to begin with the present state; `true` if left out. */
  snapshot?: boolean;
  /** A cursor kept from an earlier session. */
  since?: string;
}

/**
 * How a subscription went on: `resumed`, everything since its cursor follows; `gap`, the server no longer has all of it,
 * and `gap` events tell what is lost; `snapshot`, it starts from the present, because it is new or the server is.
 */
export type Outcome = 'resumed' | 'snapshot' | 'gap';

export interface SubscriptionEvents {
  /** A trade, or the merged record of several: look at `T`. */
  trade(trade: Trade | Merged): void;
  quote(quote: Quote): void;
  status(status: Status): void;
  bar(bar: Bar): void;
  /** Events of a symbol that will not come. */
  gap(lost: LostRange): void;
  /**
   * `to`, a newer subscription of the same client, has taken over what both name: as on the wire, a symbol and channel belongs
   * to one. It comes back, with a snapshot, when `to` is closed.
   */
  moved(to: Subscription): void;
  /** The server has answered, after every connect. */
  resume(outcome: Outcome): void;
  /** The server refused it; it is not asked for again. */
  error(error: ServerError): void;
}

const EVENT = { t: 'trade', m: 'trade', q: 'quote', s: 'status', b: 'bar' } as const;

export class Subscription extends Emitter<SubscriptionEvents> {
  readonly symbols: Set<string>;
  readonly channels: Set<string>;
  /** Takes it out of its client. */
  close!: () => void;
  readonly #inboxes = new Set<Inbox>();
  #epoch: string | undefined;
  #offset: number | undefined;
  #answered = false;
  #over: { error: Error | undefined } | undefined;
  /** Snapshots move the cursor where they come in increasing offsets: at a fresh start, not among replayed events. */
  #fresh = true;

  readonly #request: SubscribeRequest;
  constructor(
    readonly id: number,
    request: SubscribeRequest,
  ) {
    super();
    this.#request = request;
    this.symbols = new Set(request.symbols);
    this.channels = new Set(request.channels ?? ['trades']);
    if (request.since) [this.#epoch, this.#offset] = parseCursor(request.since);
  }

  /** `EPOCH:OFFSET`: everything up to and including OFFSET has come. */
  get cursor(): string | undefined {
    return this.#offset === undefined ? undefined : `${this.#epoch}:${this.#offset}`;
  }

  /** Every message and gap in order; beyond `buffer` waiting ones the oldest go and are counted. */
  events(options?: InboxOptions): FeedIterator<FeedItem> {
    return this.#inbox(false, options);
  }

  /** The newest message of each symbol and channel that was not read yet; replaced ones are counted. */
  latest(options?: Pick<InboxOptions, 'signal'>): FeedIterator<Data | Bar> {
    return this.#inbox(true, options);
  }

  /** The message to send, on a new connection with the cursor to go on from. */
  message(): Record<string, unknown> {
    const since = this.cursor;
    return {
      op: 'subscribe',
      ...this.#request,
      id: this.id,
      symbols: [...this.symbols],
      channels: [...this.channels],
      since,
    };
  }

  /** The connection is gone: nothing is safe until the server has answered again. */
  disconnected(): void {
    this.#answered = false;
  }

  /** The server's answer, which says whether it goes on from the cursor. */
  accept(answer: Subscribed): Outcome {
    const [epoch, offset] = parseCursor(answer.cursor);
    let outcome: Outcome = answer.recovered ? 'resumed' : 'snapshot';
    // A cursor beyond the end of the stream recovers nothing either.
    if (answer.recovered === false && epoch === this.#epoch && this.#offset! <= offset)
      outcome = 'gap';
    this.#fresh = outcome === 'snapshot';
    if (this.#fresh) this.#offset = this.#request.snapshot === false ? offset : undefined;
    this.#epoch = epoch;
    this.#answered = true;
    this.#over = undefined;
    this.emit('resume', outcome);
    return outcome;
  }

  /** An event of this subscription has come. */
  received(event: Data): void {
    if (!this.#answered || (event.snap && !this.#fresh)) return;
    this.#advance(event.o);
  }

  /** A position that is safe for the whole connection (`heartbeat.sent`, `bye.cursor`). */
  safe(offset: number): void {
    if (this.#answered) this.#advance(offset);
  }

  /** Whether events of `symbol` on `channel` can belong to it. */
  matches(symbol: string, channel: string): boolean {
    return this.channels.has(channel) && covers(this.symbols, symbol);
  }

  /** Hands a message out. */
  deliver(message: Data | Bar): void {
    this.emit(EVENT[message.T], message as never);
    for (const inbox of this.#inboxes) inbox.push(message);
  }

  lost(lost: LostRange): void {
    this.emit('gap', lost);
    for (const inbox of this.#inboxes) inbox.push({ T: 'gap', ...lost });
  }

  /** Nothing more comes; iterators end, with an error if there is one. */
  end(error?: Error): void {
    this.#over = { error };
    for (const inbox of this.#inboxes) inbox.end(error);
  }

  #inbox(latest: boolean, options?: InboxOptions): FeedIterator<never> {
    const inbox = new Inbox(latest, (left) => this.#inboxes.delete(left), options);
    this.#inboxes.add(inbox);
    if (this.#over) inbox.end(this.#over.error);
    return inbox as FeedIterator<never>;
  }

  #advance(offset: number): void {
    if (this.#offset === undefined || offset > this.#offset) this.#offset = offset;
  }
}

/** Whether one of `names`, some of them patterns, means `symbol`. */
export function covers(names: Set<string>, symbol: string): boolean {
  if (names.has(symbol) || names.has('*')) return true;
  for (const name of names) {
    if (name.endsWith('*') && symbol.startsWith(name.slice(0, -1))) return true;
  }
  return false;
}

export function parseCursor(cursor: string): [epoch: string, offset: number] {
  const colon = cursor.indexOf(':');
  return [cursor.slice(0, colon), Number(cursor.slice(colon + 1))];
}
