/**
 * Makes HTTP look like a WebSocket: takes the same requests, hands out the same messages. Subscriptions that agree in
 * channels and mode share a lane (one stream, or one sequence of polls), so that a page stays within the few connections
 * that a browser grants. Loaded only when it is needed; never reconnects.
 */
import { DecodeError, FeedError } from '../errors.ts';
import type { Bye, Message } from '../messages.ts';
import { ABNORMAL, type Link, type LinkOwner } from '../transport.ts';
import { Lane } from './lane.ts';
import { Member, type SubscribeMessage } from './member.ts';
import type { HttpOptions } from './request.ts';
import { reachable } from './rest.ts';

export interface HttpLinkOptions extends HttpOptions {
  pollMs?: number;
  waitMs?: number;
  heartbeatMs?: number;
}
export type HttpTransport = 'sse' | 'stream' | 'longpoll' | 'poll';

/** How often a link without subscriptions says that nothing is wrong. */
const IDLE_MS = 1000;
const GRACE_MS = 250;

export class HttpLink implements Link {
  readonly eager = true;
  bytes = 0;
  /** Of everything that came over this link. */
  epoch: string | undefined;
  bye: Bye | undefined;
  /** Whether this transport has got through. */
  opened = false;
  #members: Member[] = [];
  readonly #lanes = new Map<string, Lane>();
  readonly #owners = new Map<string, Member | undefined>();
  readonly #idle: ReturnType<typeof setInterval>;
  #over = false;

  constructor(
    readonly transport: HttpTransport,
    readonly options: HttpLinkOptions,
    readonly owner: LinkOwner,
  ) {
    this.#idle = setInterval(() => {
      if (this.#lanes.size === 0) owner.frame([]);
    }, IDLE_MS);
  }

  /** How often there is a sign of life, ms. */
  get heartbeat_ms(): number {
    const { heartbeatMs = 5000, pollMs = 1000, waitMs = 10_000 } = this.options;
    if (this.transport === 'poll') return Math.max(pollMs, 1000);
    return this.transport === 'longpoll' ? waitMs : heartbeatMs;
  }

  send(request: Record<string, unknown>): void {
    if (this.#over) return;
    if (request['op'] === 'subscribe') this.#subscribe(request as unknown as SubscribeMessage);
    else if (request['op'] === 'unsubscribe') {
      this.#remove(request['symbols'] as string[], request['channels'] as string[] | undefined);
    }
  }

  drop(code: number = ABNORMAL, error?: FeedError): void {
    if (this.#over) return;
    this.#over = true;
    clearInterval(this.#idle);
    for (const lane of this.#lanes.values()) lane.stop();
    this.owner.ended(code, error);
  }

  /** A lane broke. */
  async failed(error: unknown): Promise<void> {
    let failure =
      error instanceof FeedError
        ? error
        : new DecodeError(`an answer that was not understood: ${String(error)}`);
    // Across origins a browser hides a proxy's refusal: it looks as if the server were away.
    const hidden = failure.code === 'unreachable' && failure.status === undefined;
    if (hidden && !this.opened && (await reachable(this.options))) {
      failure = new FeedError('refused', `${failure.message}; other requests get through`);
    }
    this.drop(failure.closeCode ?? ABNORMAL, failure);
  }

  /** Whether `epoch` is still the one of this link; a server that has started again ends it. */
  enter(epoch: string): boolean {
    this.epoch ??= epoch;
    if (this.epoch === epoch) return true;
    this.drop();
    return false;
  }

  frame(messages: Message[]): void {
    const patience = 2 * this.heartbeat_ms + GRACE_MS;
    const alive = [...this.#lanes.values()].every((lane) => Date.now() - lane.heardAt < patience);
    this.owner.frame(messages, alive);
  }

  /** The offset up to which every lane has everything. */
  get safe(): number {
    return Math.min(...[...this.#lanes.values()].map((lane) => lane.offset ?? 0));
  }

  /** The member that events of `symbol` on `channel` belong to: the newest that matches. */
  ownerOf(symbol: string, channel: string): Member | undefined {
    const key = `${channel}|${symbol}`;
    if (!this.#owners.has(key)) {
      const matching = this.#members.filter((member) => member.matches(symbol, channel));
      this.#owners.set(key, matching.at(-1));
    }
    return this.#owners.get(key);
  }

  /** The server refused `member`. */
  refused(member: Member, error: FeedError): void {
    this.#leave(member);
    const { id } = member.request;
    const code = error.problem ?? 'bad_request';
    this.owner.frame([{ T: 'error', id, code, msg: error.message }]);
  }

  #subscribe(request: SubscribeMessage): void {
    const member = new Member(request);
    this.#inherit(member);
    this.#owners.clear();
    this.#remove(request.symbols, request.channels);
    this.#members.push(member);
    let lane = this.#lanes.get(member.key);
    if (!lane) this.#lanes.set(member.key, (lane = new Lane(this)));
    lane.members.add(member);
    lane.changed();
  }

  /** What is held already goes on from where it is: it needs no second snapshot, and loses nothing. */
  #inherit(member: Member): void {
    if (member.since !== undefined) return;
    const [symbols, channels] = [new Set<string>(), new Set<string>()];
    let offset = Infinity;
    let fresh = 0;
    for (const symbol of member.symbols) {
      for (const channel of member.request.channels) {
        const older = this.ownerOf(symbol, channel);
        const at = older?.answered ? this.#lanes.get(older.key)?.offset : undefined;
        if (at === undefined || !older!.symbols.has(symbol)) fresh += 1;
        else {
          offset = Math.min(offset, at);
          symbols.add(symbol);
          channels.add(channel);
        }
      }
    }
    if (symbols.size === 0) return;
    const since = `${this.epoch}:${offset}`;
    if (fresh > 0) member.held = { symbols: [...symbols], channels: [...channels], since };
    else {
      member.since = since;
      member.inherited = true;
    }
  }

  #remove(names: string[], channels: string[] | undefined): void {
    this.#owners.clear();
    for (const member of [...this.#members]) {
      if (!member.remove(names, channels)) continue;
      if (member.symbols.size === 0) this.#leave(member);
      else this.#lanes.get(member.key)?.changed();
    }
  }

  #leave(member: Member): void {
    this.#members = this.#members.filter((other) => other !== member);
    this.#owners.clear();
    const lane = this.#lanes.get(member.key);
    if (!lane?.members.delete(member)) return;
    if (lane.members.size > 0) return lane.changed();
    lane.stop();
    this.#lanes.delete(member.key);
  }
}
