/**
 * A subscription as the HTTP transports carry it, which have no `subscribe`: its names, what was taken out of them, and the
 * cursor from which it goes on. Plain bookkeeping.
 */
import { covers } from '../subscription.ts';

/** The keys of a `subscribe` request. */
export interface SubscribeMessage {
  id: number;
  symbols: string[];
  channels: string[];
  mode?: string;
  interval_ms?: number;
  on_slow?: string;
  snapshot?: boolean;
  since?: string;
}

export class Member {
  readonly symbols: Set<string>;
  /** Whether the application was told `subscribed`. */
  answered = false;
  /** Whether `since` was taken over from an older subscription, and is none of the application's. */
  inherited = false;
  since: string | undefined;
  /** Of its names, those that an older subscription had until now, and how far that one had come. */
  held: { symbols: string[]; channels: string[]; since: string } | undefined;
  /** `CHANNEL|SYMBOL` that were taken out. */
  readonly #except = new Set<string>();

  constructor(readonly request: SubscribeMessage) {
    this.symbols = new Set(request.symbols);
    this.since = request.since;
  }

  /** Members that agree in this can share one answer. */
  get key(): string {
    const { channels, mode, interval_ms, on_slow } = this.request;
    return JSON.stringify([[...channels].sort(), mode, interval_ms, on_slow]);
  }

  matches(symbol: string, channel: string): boolean {
    if (!this.request.channels.includes(channel)) return false;
    return covers(this.symbols, symbol) && !this.#except.has(`${channel}|${symbol}`);
  }

  /** Takes names out of it on `channels`; whether that changes what has to be asked for. */
  remove(names: Iterable<string>, channels: string[] | undefined): boolean {
    const mine = this.request.channels.filter((channel) => channels?.includes(channel) ?? true);
    let changed = false;
    for (const name of names) {
      for (const channel of mine) this.#except.add(`${channel}|${name}`);
      const gone = this.request.channels.every((channel) => this.#except.has(`${channel}|${name}`));
      if (gone) changed = this.symbols.delete(name) || changed;
    }
    return changed;
  }
}
