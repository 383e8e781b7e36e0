/**
 * The subscriptions of one client: which of them an event belongs to (a symbol and channel belongs to the newest that
 * matches), and what has to be sent to have the same ones on a new connection. Sends nothing itself.
 */
import { channelOf, type Data, type Message, type Subscribed } from './messages.ts';
import { Subscription, type SubscribeRequest } from './subscription.ts';

export class Registry {
  private readonly all = new Map<number, Subscription>();
  private readonly owners = new Map<string, Subscription | undefined>();
  /** Names taken out of a pattern: they have to be taken out again on a new connection. */
  private readonly withdrawn = new Set<string>();
  private nextId = 1;

  add(request: SubscribeRequest): Subscription {
    const subscription = new Subscription(this.nextId++, request);
    this.all.set(subscription.id, subscription);
    for (const symbol of request.symbols) this.withdrawn.delete(symbol);
    this.owners.clear();
    return subscription;
  }

  /** Takes names out of every subscription. */
  remove(symbols: readonly string[]): void {
    for (const symbol of symbols) {
      let held = false;
      for (const subscription of this.all.values()) {
        held = subscription.symbols.delete(symbol) || held;
        if (subscription.symbols.size === 0) this.all.delete(subscription.id);
      }
      if (!held) this.withdrawn.add(symbol);
    }
    this.owners.clear();
  }

  /** A refused subscription is not asked for again. */
  refuse(id: unknown): void {
    if (typeof id === 'number' && this.all.delete(id)) this.owners.clear();
  }

  accept(answer: Subscribed): void {
    if (typeof answer.id === 'number') this.all.get(answer.id)?.accept(answer);
  }

  received(event: Data): void {
    const channel = channelOf(event);
    const key = `${channel}|${event.S}`;
    let owner = this.owners.get(key);
    if (!owner && !this.owners.has(key)) {
      for (const subscription of this.all.values()) {
        if (subscription.matches(event.S, channel)) owner = subscription;
      }
      this.owners.set(key, owner);
    }
    owner?.received(event);
  }

  safe(offset: number): void {
    for (const subscription of this.all.values()) subscription.safe(offset);
  }

  disconnected(): void {
    for (const subscription of this.all.values()) subscription.disconnected();
  }

  /** What a new connection has to be told. */
  messages(): Record<string, unknown>[] {
    const messages = [...this.all.values()].map((subscription) => subscription.message());
    if (this.withdrawn.size > 0) {
      messages.push({ op: 'unsubscribe', symbols: [...this.withdrawn] });
    }
    return messages;
  }
}

/** Whether a message is an event with `n` and `o`. */
export function isData(message: Message): message is Data {
  return message.T === 't' || message.T === 'm' || message.T === 'q' || message.T === 's';
}
