/**
 * The client: keeps one connection alive, repeats its subscriptions from their cursors after each loss, checks sequence
 * numbers, and says what state it is in. Keeps no market data, and never hides a hole: each one is a `gap` event.
 */
import { Backoff, comeBack } from './backoff.ts';
import type { OffsetEstimate } from './clock.ts';
import { Link, type Format, type LinkStatus, type SocketConstructor } from './link.ts';
import { Liveness, type Silence } from './liveness.ts';
import type { Bye, Message, ServerError, Welcome } from './messages.ts';
import { nowUs, Pings } from './pings.ts';
import { isData, Registry } from './registry.ts';
import { SequenceCheck, type LostRange } from './sequence.ts';
import type { Subscription, SubscribeRequest } from './subscription.ts';

export interface FeedClientOptions {
  /** `ws://…/v1/ws` or `wss://…/v1/ws`. */
  url: string;
  format?: Format;
  /** The `WebSocket` class where there is no global one. */
  webSocket?: SocketConstructor;
  /** Draws in [0, 1); for tests. */
  random?: () => number;
}

export interface FeedClientEvents {
  state(status: LinkStatus): void;
  /** The messages of one frame, after all bookkeeping, and our clock when it came (µs). */
  frame(messages: Message[], received_us: number): void;
  gap(lost: LostRange): void;
  error(error: ServerError | Error): void;
}

/** A dial that takes longer is given up. */
const DIAL_MS = 10_000;
/** A connection that has held for this long starts the backoff afresh. */
const HELD_MS = 10_000;

type Listeners = { [K in keyof FeedClientEvents]: Set<FeedClientEvents[K]> };

export class FeedClient {
  readonly sequence = new SequenceCheck();
  private readonly registry = new Registry();
  private readonly liveness = new Liveness((silence) => this.silence(silence));
  private readonly pings = new Pings((request) => this.link?.send(request));
  private readonly backoff: Backoff;
  private readonly listeners: Listeners = {
    state: new Set(),
    frame: new Set(),
    gap: new Set(),
    error: new Set(),
  };
  private link: Link | undefined;
  private welcome: Welcome | undefined;
  private epoch: string | undefined;
  private bye: Bye | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private current: LinkStatus;

  constructor(private readonly options: FeedClientOptions) {
    this.backoff = new Backoff(250, 20_000, options.random);
    this.current = { state: 'closed', format: options.format ?? 'json', attempt: 0 };
  }

  get status(): LinkStatus {
    return this.current;
  }

  /** The server's clock against ours, once a ping has been answered. */
  get offset(): OffsetEstimate | undefined {
    return this.pings.offset.best;
  }

  /** What the server said on this connection; nothing while there is none. */
  get limits(): Welcome | undefined {
    return this.welcome;
  }

  /** Listens; the returned function ends it. */
  on<K extends keyof FeedClientEvents>(event: K, listener: FeedClientEvents[K]): () => void {
    this.listeners[event].add(listener);
    return () => this.listeners[event].delete(listener);
  }

  connect(): void {
    if (this.current.state !== 'closed') return;
    this.become({ state: 'connecting', attempt: 0 });
    this.dial();
  }

  /** Does not wait for the rest of a backoff. */
  dialNow(): void {
    if (this.current.state === 'reconnecting' && !this.link) this.dial();
  }

  /** Closes for good; `connect` starts anew. */
  close(): void {
    clearTimeout(this.timer);
    const link = this.link;
    this.lost();
    this.become({ state: 'closed' });
    link?.drop(1000);
  }

  subscribe(request: SubscribeRequest): Subscription {
    const subscription = this.registry.add(request);
    if (this.welcome) this.link?.send(subscription.message());
    return subscription;
  }

  /** Takes symbols out of whatever subscription holds them, on all channels. */
  unsubscribe(symbols: string[]): void {
    this.registry.remove(symbols);
    this.sequence.forget(symbols, ['trades', 'quotes', 'status']);
    if (this.welcome) this.link?.send({ op: 'unsubscribe', symbols });
  }

  private dial(): void {
    clearTimeout(this.timer);
    this.bye = undefined;
    if (this.current.state === 'reconnecting') this.become({ state: 'reconnecting' });
    const Socket = this.options.webSocket ?? (WebSocket as unknown as SocketConstructor);
    const link: Link = new Link(
      this.options.url,
      this.current.format,
      {
        frame: (messages) => this.link === link && this.frame(messages),
        ended: (code, error) => this.link === link && this.ended(code, error),
      },
      Socket,
    );
    this.link = link;
    this.timer = setTimeout(() => link.drop(), DIAL_MS);
  }

  private frame(messages: Message[]): void {
    const received_us = nowUs();
    this.liveness.heard();
    for (const message of messages) this.note(message);
    this.emit('frame', messages, received_us);
  }

  private note(message: Message): void {
    if (isData(message)) {
      this.registry.received(message);
      return this.report(this.sequence.data(message));
    }
    switch (message.T) {
      case 'welcome':
        return this.begin(message);
      case 'subscribed':
        return this.registry.accept(message);
      case 'heartbeat':
        return this.registry.safe(message.sent);
      case 'gap':
        return this.report(this.sequence.gap(message));
      case 'pong':
        return this.pings.pong(message.id, message.ts);
      case 'bye':
        if (message.cursor) this.registry.safe(Number(message.cursor.split(':')[1]));
        this.bye = message;
        return;
      case 'error':
        this.registry.refuse(message.id);
        return this.emit('error', message);
      default:
    }
  }

  private begin(welcome: Welcome): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.backoff.reset(), HELD_MS);
    this.welcome = welcome;
    if (welcome.epoch !== this.epoch) this.sequence.reset();
    this.epoch = welcome.epoch;
    this.liveness.start(welcome.heartbeat_ms);
    for (const message of this.registry.messages()) this.link?.send(message);
    this.become({ state: 'live', attempt: 0 });
    this.pings.start();
  }

  private silence(silence: Silence): void {
    if (silence === 'none') this.become({ state: 'live' });
    else if (silence === 'stale') this.become({ state: 'stale' });
    else this.link?.drop();
  }

  private ended(code: number, error?: Error): void {
    const bye = this.bye;
    this.lost();
    if (error) this.emit('error', error);
    const kind = comeBack(bye?.code ?? code);
    const attempt = this.current.attempt + 1;
    if (kind === 'never') return this.become({ state: 'closed', attempt, code });
    const delay = this.backoff.nextMs(kind, bye?.retry_ms);
    this.become({ state: 'reconnecting', attempt, code, retryAt: Date.now() + delay });
    this.timer = setTimeout(() => this.dial(), delay);
  }

  private lost(): void {
    clearTimeout(this.timer);
    this.link = undefined;
    this.welcome = undefined;
    this.liveness.stop();
    this.pings.stop();
    this.registry.disconnected();
  }

  private report(lost: LostRange | undefined): void {
    if (lost) this.emit('gap', lost);
  }

  /** The new status; what is not named stays, except what only holds while waiting. */
  private become(change: Partial<LinkStatus> & Pick<LinkStatus, 'state'>): void {
    const { retryAt: _, ...kept } = this.current;
    this.current = { ...kept, ...change };
    this.emit('state', this.current);
  }

  /** A listener that throws is reported as uncaught and disturbs neither the others nor the bookkeeping. */
  private emit<K extends keyof FeedClientEvents>(
    event: K,
    ...values: Parameters<FeedClientEvents[K]>
  ): void {
    for (const listener of this.listeners[event]) {
      try {
        (listener as (...values: unknown[]) => void)(...values);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
