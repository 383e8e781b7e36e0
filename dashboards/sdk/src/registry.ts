/**
 * The subscriptions of one client: which of them an event belongs to (a symbol and channel belongs to the newest that
 * matches, and goes back to the one before when that is closed), and what has to be sent to have the same ones on a new
 * connection. Sends nothing itself.
 */
import { FeedError } from './errors.ts';
import type { ServerError, Subscribed } from './messages.ts';
import { covers, Subscription, type Outcome, type SubscribeRequest } from './subscription.ts';

type Leaving = {
  op: 'unsubscribe';
  symbols: string[];
  channels: string[];
};

export class Registry {
  readonly #all = new Map<number, Subscription>();
  readonly #owners = new Map<string, Subscription | undefined>();
  /** Names taken out of a pattern: they have to be taken out again on a new connection. */
  readonly #withdrawn = new Set<string>();
  #nextId = 1;

  add(request: SubscribeRequest): Subscription {
    const subscription = new Subscription(this.#nextId++, request);
    for (const older of this.#all.values()) this.#supersede(older, subscription);
    this.#all.set(subscription.id, subscription);
    for (const symbol of request.symbols) this.#withdrawn.delete(symbol);
    this.#owners.clear();
    return subscription;
  }

  /** Takes names out of every subscription. */
  remove(symbols: readonly string[]): void {
    for (const symbol of symbols) {
      for (const subscription of this.#all.values()) {
        subscription.symbols.delete(symbol);
        if (!subscription.symbols.size) this.#forget(subscription);
        else if (covers(subscription.symbols, symbol)) this.#withdrawn.add(symbol);
      }
    }
    this.#owners.clear();
  }

  /**
   * Takes a subscription out; what to tell the server, which goes on with names that a newer one has, and the older ones that
   * also asked for some of them: the server has forgotten that, and has to be told again.
   */
  drop(dropped: Subscription): [Leaving[], heirs: Set<Subscription>] {
    this.#forget(dropped);
    this.#owners.clear();
    const heirs = new Set<Subscription>();
    const leaving: Leaving[] = [];
    for (const channel of dropped.channels) {
      const symbols = [...dropped.symbols].filter((name) => {
        const owner = this.owner(name, channel);
        if (owner && owner.id < dropped.id) heirs.add(owner);
        return !owner || heirs.has(owner);
      });
      if (symbols.length) leaving.push({ op: 'unsubscribe', symbols, channels: [channel] });
    }
    return [leaving, heirs];
  }

  /** A refused subscription is not asked for again. */
  refuse(error: ServerError): void {
    const refused = this.#all.get(error.id as number);
    if (!refused) return;
    refused.emit('error', error);
    this.#forget(refused, new FeedError('subscription', error.msg, { problem: error.code }));
    this.#owners.clear();
  }

  accept(answer: Subscribed): [Subscription, Outcome] | undefined {
    const subscription = this.#all.get(answer.id as number);
    return subscription && [subscription, subscription.accept(answer)];
  }

  /** The subscription that events of `symbol` on `channel` belong to. */
  owner(symbol: string, channel: string): Subscription | undefined {
    const key = `${channel}|${symbol}`;
    let owner = this.#owners.get(key);
    if (!owner && !this.#owners.has(key)) {
      for (const subscription of this.#all.values()) {
        if (subscription.matches(symbol, channel)) owner = subscription;
      }
      this.#owners.set(key, owner);
    }
    return owner;
  }

  safe(offset: number): void {
    for (const subscription of this.#all.values()) subscription.safe(offset);
  }

  disconnected(): void {
    for (const subscription of this.#all.values()) subscription.disconnected();
  }

  /** Nothing more comes. */
  end(error?: FeedError): void {
    for (const subscription of this.#all.values()) subscription.end(error);
  }

  /** What a new connection has to be told. */
  messages(): Record<string, unknown>[] {
    const messages = [...this.#all.values()].map((subscription) => subscription.message());
    if (this.#withdrawn.size) {
      messages.push({ op: 'unsubscribe', symbols: [...this.#withdrawn] });
    }
    return messages;
  }

  /** Tells `older` if `newer` takes something over, as it does on the server. */
  #supersede(older: Subscription, newer: Subscription): void {
    const shared = [...older.channels].some((channel) => newer.channels.has(channel));
    const within = (some: Subscription, all: Subscription): boolean =>
      [...some.symbols].some((name) => covers(all.symbols, name));
    if (shared && (within(older, newer) || within(newer, older))) older.emit('moved', newer);
  }

  #forget(subscription: Subscription, error?: FeedError): void {
    this.#all.delete(subscription.id);
    subscription.end(error);
  }
}
