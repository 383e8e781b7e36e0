/**
 * One stream, or one sequence of polls, for all subscriptions that agree in channels and mode. When its members change it
 * starts again: first polls bring all members to one cursor (`align.ts`), then one request serves them from there. What comes
 * twice on the way the client drops by its number. A lane that breaks ends the link.
 */
import { FeedError } from '../errors.ts';
import { decodeJson } from '../json.ts';
import { channelOf, isData, type Message, type Subscribed } from '../messages.ts';
import { nowUs } from '../pings.ts';
import { parseCursor } from '../subscription.ts';
import { align, subscribed, type Pending } from './align.ts';
import type { HttpLink } from './link.ts';
import { NdjsonFrames, SseFrames } from './lines.ts';
import type { Member } from './member.ts';
import { AGAIN_MS, pause, poll, type PollBody } from './poll.ts';
import { Request, type Params } from './request.ts';

/** Bars alone are asked for this often at least. */
const BARS_MS = 1000;

export class Lane {
  readonly members = new Set<Member>();
  /** Everything up to here has come, for all members that were answered. */
  offset: number | undefined;
  heardAt = Date.now();
  #run = new AbortController();
  /** Kept until it is certain that this transport gets through. */
  #pending: Pending | undefined;
  /** Snapshots move the cursor where they come in increasing offsets: at a fresh start, not among replayed events. */
  #fresh = false;
  /** The server's clock against ours lies between these, µs. */
  readonly #clock = { least: -Infinity, most: Infinity };

  constructor(readonly link: HttpLink) {}

  /** Starts again with the members there are now. Changes said in one go are one change. */
  changed(): void {
    this.stop();
    const { signal } = (this.#run = new AbortController());
    queueMicrotask(() => {
      if (signal.aborted) return;
      this.#follow(signal).catch((error) => {
        if (!signal.aborted) void this.link.failed(error);
      });
    });
  }

  stop(): void {
    this.#run.abort();
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const { transport } = this.link;
    const streamed = transport === 'sse' || transport === 'stream';
    this.#pending = undefined;
    const open = [...this.members].filter(
      (member) => !member.answered || this.offset === undefined,
    );
    // The server's own beginning of a stream does for one member; several have to meet at one cursor first.
    if (streamed && this.members.size === 1 && open.length === 1 && !open[0]!.held) {
      return this.#stream(transport, signal, open[0]);
    }
    this.#pending = await align(this, open, signal);
    if (signal.aborted) return;
    if (streamed) return this.#stream(transport, signal);
    this.link.opened = true;
    this.link.owner.opened(this.link.epoch!, this.link.heartbeat_ms);
    this.#take(this.#commit());
    return this.#poll(signal);
  }

  /** A request that is wrong is the fault of `member`, not of the connection. */
  async refusable<T>(member: Member, signal: AbortSignal, ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (error) {
      const wrong = error instanceof FeedError && error.status === 400 && !signal.aborted;
      if (wrong) this.link.refused(member, error);
      throw error;
    }
  }

  /** Members that were introduced are from now on served from the common cursor. */
  #commit(): Message[] {
    if (!this.#pending) return [];
    const { members, messages, offset } = this.#pending;
    this.#pending = undefined;
    for (const member of members) {
      member.answered = true;
      member.held = undefined;
    }
    this.offset = offset;
    this.#fresh = false;
    return messages;
  }

  async #stream(path: 'sse' | 'stream', signal: AbortSignal, only?: Member): Promise<void> {
    const request = new Request(this.link.options, signal);
    const frames = path === 'sse' ? new SseFrames() : new NdjsonFrames();
    const text = new TextDecoder();
    const offset = this.#pending?.offset ?? this.offset;
    const { since, snapshot } = only
      ? { since: only.since, snapshot: only.request.snapshot }
      : { since: `${this.link.epoch}:${offset}`, snapshot: false };
    const { heartbeat_ms } = this.link;
    const params = { ...this.params(), since, snapshot, heartbeat_ms };
    const asked_us = nowUs();
    try {
      const get = (): Promise<Response> => request.get(path, params);
      const response = await (only ? this.refusable(only, signal, get) : get());
      const reader = response.body!.getReader();
      for (;;) {
        const { value, done } = await request.guard(() => reader.read());
        if (done || signal.aborted) break;
        request.arrived();
        this.heardAt = Date.now();
        this.link.bytes += value.length;
        for (const { data, id } of frames.push(text.decode(value, { stream: true }))) {
          this.#take(data === undefined ? [] : decodeJson(data), asked_us, only);
          if (signal.aborted) return;
          if (id) this.#advance(parseCursor(id)[1]);
        }
      }
    } finally {
      request.end();
    }
    if (!signal.aborted) this.link.drop(this.link.bye?.code);
  }

  async #poll(signal: AbortSignal): Promise<void> {
    const { transport, options } = this.link;
    const { pollMs = 1000, waitMs = 10_000 } = options;
    const held = transport === 'longpoll';
    for (;;) {
      const asked = Date.now();
      const since = `${this.link.epoch}:${this.offset}`;
      const params = this.params();
      // A bar that changes does not end a long poll, only one that is over.
      const bars = `${params['channels']}`
        .split(',')
        .every((channel) => channel.startsWith('bars'));
      const wait_ms = held ? Math.min(waitMs, bars ? BARS_MS : waitMs) : 0;
      const body = await this.ask({ ...params, since }, signal, wait_ms);
      if (signal.aborted) return;
      const lost = body.recovered ? [] : this.#subscribedAll(body.cursor);
      this.#take([...lost, ...body.messages]);
      this.#advance(parseCursor(body.cursor)[1]);
      this.link.owner.safe(this.link.safe);
      if (body.more) continue;
      const elapsed = Date.now() - asked;
      let rest = pollMs;
      // A long poll that came back empty before its time would otherwise be asked again in a tight loop.
      if (held)
        rest =
          body.messages.length || elapsed > wait_ms / 2
            ? Number(params['interval_ms'] ?? 0)
            : AGAIN_MS;
      await pause(rest - elapsed, signal);
    }
  }

  /** One poll; it counts as a sign of life. */
  async ask(params: Params, signal: AbortSignal, wait_ms = 0): Promise<PollBody> {
    const body = await poll(this.link, params, signal, wait_ms);
    this.heardAt = Date.now();
    return body;
  }

  /** The query for all members, or for one. */
  params(only?: Member): Params {
    const members = only ? [only] : [...this.members];
    const symbols = new Set(members.flatMap((member) => [...member.symbols]));
    const { channels, mode, interval_ms, on_slow } = members[0]!.request;
    return { symbols: [...symbols].join(), channels: channels.join(), mode, interval_ms, on_slow };
  }

  /** Hands on what belongs to members of this lane, as a WebSocket would say it. */
  #take(messages: Message[], asked_us?: number, only?: Member): void {
    this.link.frame(messages.flatMap((message) => this.#translate(message, asked_us, only)));
  }

  #translate(message: Message, asked_us?: number, only?: Member): Message[] {
    const link = this.link;
    if (isData(message)) {
      if (!message.snap || this.#fresh) this.#advance(message.o);
      return this.#mine(message, channelOf(message));
    }
    switch (message.T) {
      case 'b':
        return this.#mine(message, `bars:${message.i}`);
      case 'gap':
        return this.#mine(message, message.ch);
      case 'welcome':
        if (!link.enter(message.epoch)) return [];
        link.opened = true;
        return [message, ...this.#commit().flatMap((first) => this.#translate(first))];
      case 'subscribed':
        // With an id it is one of ours.
        if (message.id !== undefined) return [message];
        return only
          ? [this.#answered(only, message)]
          : message.recovered
            ? []
            : this.#subscribedAll(message.cursor);
      case 'heartbeat':
        this.#advance(message.sent);
        if (asked_us) this.#tick(asked_us, message.ts);
        return [{ ...message, sent: link.safe }];
      case 'bye':
        if (message.cursor) this.#advance(parseCursor(message.cursor)[1]);
        link.bye = { ...message, cursor: `${link.epoch}:${link.safe}` };
        return [link.bye];
      default:
        return [message];
    }
  }

  #mine(message: Message & { S: string }, channel: string): Message[] {
    const owner = this.link.ownerOf(message.S, channel);
    return owner && this.members.has(owner) ? [message] : [];
  }

  /** The server's answer for the only member, which it cannot name. */
  #answered(only: Member, message: Subscribed): Message {
    only.answered = true;
    this.#fresh = message.recovered === undefined;
    if (message.recovered) this.#advance(parseCursor(message.cursor)[1]);
    return subscribed(only, message.cursor, only.inherited ? undefined : message.recovered);
  }

  /** Everyone here has lost something. */
  #subscribedAll(cursor: string): Message[] {
    return [...this.members].map((member) => subscribed(member, cursor, false));
  }

  /** The server's clock read `server_us` between our asking and now: every heartbeat narrows where it can be. */
  #tick(asked_us: number, server_us: number): void {
    const now = nowUs();
    const clock = this.#clock;
    clock.least = Math.max(clock.least, server_us - now);
    clock.most = Math.min(clock.most, server_us - asked_us);
    // A clock was set.
    if (clock.least > clock.most)
      Object.assign(clock, { least: server_us - now, most: server_us - asked_us });
    this.link.owner.clock(server_us - clock.most, server_us, server_us - clock.least);
  }

  #advance(offset: number): void {
    this.offset = Math.max(this.offset ?? offset, offset);
  }
}
