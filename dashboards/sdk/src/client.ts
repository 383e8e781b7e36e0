/**
 * The client: keeps one connection alive over the best transport that gets through, repeats its subscriptions from their
 * cursors after each loss, checks sequence numbers, and says what state it is in. Keeps no market data, and never hides a
 * hole: each one is a `gap` event.
 */
import { Backoff, comeBack } from './backoff.ts';
import type { OffsetEstimate } from './clock.ts';
import { Emitter } from './emitter.ts';
import { FeedError } from './errors.ts';
import type { BarsRequest } from './http/rest.ts';
import { Ladder, TRANSPORTS, type TransportName } from './ladder.ts';
import { SocketLink, type Codec, type SocketConstructor } from './link.ts';
import { Liveness, type Silence } from './liveness.ts';
import type { Bar, Bye, Data, Message, SymbolRow, Welcome } from './messages.ts';
import { channelOf, isData } from './messages.ts';
import { nowUs, Pings } from './pings.ts';
import { Registry } from './registry.ts';
import type { FeedClientEvents, FeedClientOptions, LinkStatus } from './options.ts';
import { SequenceCheck, type LostRange } from './sequence.ts';
import { Tally, type FeedStats } from './stats.ts';
import { parseCursor, type Subscription, type SubscribeRequest } from './subscription.ts';
import { ABNORMAL, endpoint, type Format, type Link, type LinkOwner } from './transport.ts';
import { onWake } from './wake.ts';

const NO_SOCKET = 'no WebSocket: hand one in as `webSocket`';
/** A connection that has held for this long starts the backoff afresh. */
const HELD_MS = 10_000;

const rest = () => import('./http/rest.ts');

export class FeedClient extends Emitter<FeedClientEvents> {
  readonly sequence = new SequenceCheck();
  readonly #registry = new Registry();
  readonly #liveness = new Liveness((silence) => this.#silence(silence));
  readonly #pings = new Pings((request) => this.#link?.send(request));
  readonly #tally = new Tally();
  readonly #backoff: Backoff;
  readonly #ladder: Ladder;
  readonly #Socket: SocketConstructor | undefined;
  #link: Link | undefined;
  /** Whom the present connection tells; those before it are not listened to. */
  #owner: LinkOwner | undefined;
  #welcome: Welcome | undefined;
  /** Whether this connection has got through. */
  #greeted = false;
  /** The transport that last got through, and why others did not since. */
  #carrier: TransportName;
  #why: FeedError | undefined;
  #epoch: string | undefined;
  #bye: Bye | undefined;
  /** The server has said when to come back. */
  #told = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #asleep: (() => void) | undefined;
  #current: LinkStatus;

  readonly #options: FeedClientOptions;
  constructor(options: FeedClientOptions) {
    super();
    this.#options = options;
    endpoint(options.url, 'ws'); // throws now what would fail at every dial
    const transports = options.transports ?? TRANSPORTS;
    this.#Socket = options.webSocket ?? (globalThis as { WebSocket?: SocketConstructor }).WebSocket;
    this.#backoff = new Backoff(options.random);
    this.#ladder = new Ladder(transports.filter((name) => name !== 'ws' || this.#Socket));
    const transport = (this.#carrier = this.#ladder.current);
    this.#current = { state: 'closed', transport, format: this.#formatOf(transport), attempt: 0 };
    options.signal?.addEventListener('abort', () => this.close(), { once: true });
  }

  get status(): LinkStatus {
    return this.#current;
  }

  /** The server's clock against ours, once it has told the time. */
  get offset(): OffsetEstimate | undefined {
    return this.#pings.offset.best;
  }

  /** What the server said on this connection; nothing while there is none, or where it is polled. */
  get limits(): Welcome | undefined {
    return this.#welcome;
  }

  /** What it has cost and delivered so far. */
  stats(): FeedStats {
    return this.#tally.stats(this.offset, this.#link?.bytes ?? 0, this.sequence.repeats);
  }

  connect(): void {
    if (this.#current.state !== 'closed' || this.#options.signal?.aborted) return;
    if (!this.#Socket && (this.#options.transports ?? TRANSPORTS).includes('ws')) {
      this.emit('error', new FeedError('unsupported', NO_SOCKET));
    }
    this.#asleep = onWake((online) => this.#wake(online));
    this.#become({ state: 'connecting', attempt: 0 });
    this.#dial();
  }

  /** Does not wait for the rest of a backoff, nor for a connection that is silent. */
  dialNow(): void {
    if (this.#current.state === 'stale') this.#link?.drop();
    if (this.#current.state === 'reconnecting' && !this.#owner) this.#dial();
  }

  /** Closes for good and ends all iterators; `connect` starts anew with the same subscriptions. */
  close(): void {
    const link = this.#link;
    if (this.#current.state === 'closed') return;
    this.#lost();
    this.#closed();
    link?.drop(1000);
  }

  subscribe(request: SubscribeRequest): Subscription {
    const subscription = this.#registry.add(request);
    if (request.since) this.sequence.leave(request.symbols, [...subscription.channels]);
    subscription.close = () => {
      const [leaving, heirs] = this.#registry.drop(subscription);
      for (const message of leaving) {
        this.sequence.leave(message.symbols, message.channels);
        this.#tell(message);
      }
      for (const heir of heirs) this.#tell({ ...heir.message(), since: undefined });
    };
    this.#tell(subscription.message());
    return subscription;
  }

  /** Takes symbols out of whatever subscription holds them, on all channels. */
  unsubscribe(symbols: string[]): void {
    this.#registry.remove(symbols);
    this.sequence.leave(symbols, ['trades', 'quotes', 'status']);
    this.#tell({ op: 'unsubscribe', symbols });
  }

  /** Bars of the past, oldest first, the forming one last. */
  async bars(request: BarsRequest): Promise<Bar[]> {
    return (await rest()).bars(this.#options, request);
  }

  async symbols(signal?: AbortSignal): Promise<SymbolRow[]> {
    return (await rest()).symbols(this.#options, signal);
  }

  #wake(online: boolean): void {
    if (online) this.#ladder.forget();
    this.#liveness.look();
    // Who was told when to come back keeps to it.
    if (!this.#told) this.dialNow();
  }

  #formatOf(transport: TransportName): Format {
    return transport === 'ws' ? (this.#options.format ?? 'json') : 'json';
  }

  /** Says it now, or leaves it to the greeting, when all subscriptions are said. */
  #tell(request: Record<string, unknown>): void {
    if (this.#greeted || this.#link?.eager) this.#link?.send(request);
  }

  #dial(): void {
    clearTimeout(this.#timer);
    this.#bye = undefined;
    this.#told = false;
    const transport = this.#ladder.current;
    const format = this.#formatOf(transport);
    if (this.#current.state === 'reconnecting' || transport !== this.#current.transport) {
      this.#become({ state: this.#current.state, transport, format });
    }
    const mine = (): boolean => this.#owner === owner;
    const owner: LinkOwner = (this.#owner = {
      frame: (messages, alive) => mine() && this.#frame(messages, alive),
      opened: (epoch, heartbeat_ms) => mine() && this.#opened(epoch, heartbeat_ms),
      safe: (offset) => mine() && this.#registry.safe(offset),
      clock: (...sample) => this.#pings.offset.add(...sample),
      ended: (code, error) => mine() && this.#ended(code, error),
    });
    if (transport === 'ws' && format === 'json') this.#link = this.#socket(owner);
    else {
      this.#load(transport, owner).catch((error) =>
        owner.ended(ABNORMAL, new FeedError('unreachable', `${error}`)),
      );
    }
  }

  /** Loads a part of the library that most pages do not need, and begins with it. */
  async #load(transport: TransportName, owner: LinkOwner): Promise<void> {
    if (transport === 'ws') {
      const { msgpackCodec } = await import('./msgpack_entry.ts');
      if (this.#owner === owner) this.#link = this.#socket(owner, msgpackCodec());
    } else {
      const { HttpLink } = await import('./http/link.ts');
      if (this.#owner !== owner) return;
      this.#link = new HttpLink(transport, this.#options, owner);
      this.#sendAll();
    }
  }

  #socket(owner: LinkOwner, codec?: Codec): Link {
    const { url, heartbeatMs, firstByteMs } = this.#options;
    const address = endpoint(url, 'ws');
    if (heartbeatMs !== undefined) address.searchParams.set('heartbeat_ms', `${heartbeatMs}`);
    return new SocketLink(address, codec, owner, this.#Socket!, firstByteMs);
  }

  #sendAll(): void {
    for (const message of this.#registry.messages()) this.#link?.send(message);
  }

  /** Cursors move when the whole frame has been handled: a listener may store one at any time. */
  #frame(messages: Message[], alive = true): void {
    const received_us = nowUs();
    if (alive) this.#liveness.heard();
    const server_us = received_us + (this.offset?.offset_us ?? 0);
    const fresh = messages.filter((message) => this.#note(message, server_us));
    this.#tally.counts.frames += 1;
    this.emit('frame', fresh, received_us);
    for (const message of fresh) {
      if (isData(message)) this.#ownerOf(message)?.received(message);
      else if (message.T === 'heartbeat') this.#registry.safe(message.sent);
      else if (message.T === 'bye' && message.cursor) {
        this.#registry.safe(parseCursor(message.cursor)[1]);
      }
    }
  }

  /** Whether `message` brings anything new. */
  #note(message: Message, server_us: number): boolean {
    if (isData(message)) return this.#data(message, server_us);
    switch (message.T) {
      case 'b':
        this.#registry.owner(message.S, `bars:${message.i}`)?.deliver(message);
        break;
      case 'welcome':
        this.#welcome = message;
        this.#opened(message.epoch, message.heartbeat_ms);
        break;
      case 'subscribed': {
        const accepted = this.#registry.accept(message);
        if (!accepted) break;
        this.sequence.confirm(accepted[0]);
        this.emit('resume', ...accepted);
        break;
      }
      case 'gap':
        this.#report(this.sequence.gap(message));
        break;
      case 'pong':
        this.#pings.pong(message.id, message.ts);
        break;
      case 'bye':
        this.#bye = message;
        break;
      case 'error':
        this.emit('error', message);
        this.#registry.refuse(message);
    }
    return true;
  }

  #data(message: Data, server_us: number): boolean {
    const known = this.sequence.known(message);
    const lost = this.sequence.data(message);
    if (known) return false;
    this.#report(lost);
    this.#tally.event(message, server_us);
    this.#ownerOf(message)?.deliver(message);
    return true;
  }

  #ownerOf(event: Data): Subscription | undefined {
    return this.#registry.owner(event.S, channelOf(event));
  }

  #opened(epoch: string, heartbeat_ms: number): void {
    if (this.#greeted) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#backoff.reset(), HELD_MS);
    this.#greeted = true;
    this.#tally.greetings += 1;
    if (epoch !== this.#epoch) this.sequence.reset();
    this.#epoch = epoch;
    this.#liveness.start(heartbeat_ms);
    const from = this.#carrier;
    const to = (this.#carrier = this.#current.transport);
    this.#ladder.got(to);
    if (!this.#link?.eager) {
      this.#sendAll();
      this.#pings.start();
    }
    this.#become({ state: 'live', attempt: 0 });
    if (from !== to) {
      this.#tally.counts.switches += 1;
      this.emit('transport', { from, to, ...(this.#why && { why: this.#why }) });
    }
    this.#why = undefined;
  }

  #silence(silence: Silence): void {
    if (silence !== 'dead') this.#become({ state: silence });
    else this.#link?.drop(ABNORMAL, new FeedError('silent', 'no frame for 4 heartbeats'));
  }

  #ended(code: number, error?: FeedError): void {
    const bye = this.#bye;
    const greeted = this.#greeted;
    const { transport } = this.#current;
    this.#lost();
    if (error) this.emit('error', error);
    const kind = comeBack(bye?.code ?? code);
    const attempt = this.#current.attempt + 1;
    if (kind === 'never') return this.#closed(code, error);
    if (!greeted)
      this.#why ??= error ?? new FeedError('refused', `closed with ${code} before a frame`);
    else if (error) this.#why = error;
    const onwards = greeted
      ? error?.code === 'silent' && this.#ladder.silenced(transport)
      : this.#ladder.failed(transport, error?.code === 'unreachable');
    const retry_ms = bye?.retry_ms ?? error?.retry_ms;
    this.#told = retry_ms !== undefined;
    const delay = onwards ? 0 : this.#backoff.nextMs(kind, retry_ms);
    const state = greeted || !onwards ? 'reconnecting' : this.#current.state;
    this.#become({ state, attempt, code, retryAt: Date.now() + delay });
    if (onwards) this.#dial();
    else this.#timer = setTimeout(() => this.#dial(), delay);
    if (!greeted && this.#ladder.isOnly('ws')) this.#probe();
  }

  /** A browser does not say why a handshake was refused; plain HTTP does. */
  #probe(): void {
    const ask = rest().then(async ({ refusal }) => {
      const error = await refusal(this.#options);
      if (!error || this.#greeted || this.#current.state !== 'reconnecting') return;
      this.#lost();
      this.#closed(error.closeCode, error);
    });
    // Offline even that part of the library may not come.
    ask.catch(() => {});
  }

  #lost(): void {
    clearTimeout(this.#timer);
    this.#tally.bytes += this.#link?.bytes ?? 0;
    this.#link = this.#owner = this.#welcome = undefined;
    this.#greeted = false;
    this.#liveness.stop();
    this.#pings.stop();
    this.#registry.disconnected();
  }

  #closed(code?: number, error?: FeedError): void {
    this.#asleep?.();
    this.#become({ state: 'closed', ...(code && { code }) });
    const why = `closed with ${code}`;
    this.#registry.end(code ? (error ?? new FeedError('closed', why, { closeCode: code })) : error);
  }

  #report(lost: LostRange | undefined): void {
    if (!lost) return;
    this.#tally.hole(lost);
    this.emit('gap', lost);
    this.#registry.owner(lost.S, lost.ch)?.lost(lost);
  }

  /** The new status; what is not named stays, except what only holds while waiting. */
  #become(change: Partial<LinkStatus> & Pick<LinkStatus, 'state'>): void {
    const { retryAt: _, ...kept } = this.#current;
    this.#current = { ...kept, ...change };
    this.emit('state', this.#current);
  }
}
