/**
 * The subscriptions of one client: which of them an event belongs to (a symbol and channel belongs to the newest that
 * matches), and what has to be sent to have the same ones on a new connection. Sends nothing itself.
 */
import { FeedError } from './errors.ts';
import type { ServerError, Subscribed } from './messages.ts';
import { covers, Subscription, type Outcome, type SubscribeRequest } from './subscription.ts';

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

  /** Takes a subscription out; what to tell the server, which goes on with names that a newer one has. */
  drop(dropped: Subscription): { op: string; symbols: string[]; channels: string[] }[] {
    this.#forget(dropped);
    this.#owners.clear();
    return [...dropped.channels].flatMap((channel) => {
      const symbols = [...dropped.symbols].filter((name) => {
        const owner = this.owner(name, channel);
        return !owner || owner.id < dropped.id;
      });
      return symbols.length ? [{ op: 'unsubscribe', symbols, channels: [channel] }] : [];
    });
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

  /** Names that a newer subscription takes over leave the older one, as they do on the server. */
  #supersede(older: Subscription, newer: Subscription): void {
    if ([...older.channels].some((channel) => !newer.channels.has(channel))) return;
    for (const name of older.symbols) if (covers(newer.symbols, name)) older.symbols.delete(name);
    if (!older.symbols.size) this.#forget(older);
  }

  #forget(subscription: Subscription, error?: FeedError): void {
    this.#all.delete(subscription.id);
    subscription.end(error);
  }
}
