/**
 * Keeps the trades subscribed that somebody looks at: the rows on the screen and the chart's symbol, no others. Says only
 * what has changed. The pace holds for all of them: every trade (0), or the latest each so many milliseconds.
 */
import type { FeedClient, SubscribeRequest, Subscription } from '@tickcast/client';

export class Watch {
  private held = new Set<string>();
  private subscriptions: Subscription[] = [];
  private screen: string[] = [];
  private chart = '';
  private interval_ms = 0;

  constructor(private readonly client: Pick<FeedClient, 'subscribe' | 'unsubscribe'>) {}

  /** The rows on the screen, and those near it. */
  show(names: string[]): void {
    this.screen = names;
    this.follow();
  }

  /** The symbol that the chart shows. */
  chartOf(symbol: string): void {
    this.chart = symbol;
    this.follow();
  }

  pace(interval_ms: number): void {
    if (interval_ms === this.interval_ms) return;
    this.interval_ms = interval_ms;
    if (this.held.size === 0) return;
    // The new one takes everything over without a hole; what it was taken from has nothing left to ask for.
    const before = this.subscriptions.splice(0);
    this.subscribe([...this.held]);
    for (const subscription of before) subscription.close();
  }

  private follow(): void {
    const wanted = new Set(this.screen);
    if (this.chart !== '') wanted.add(this.chart);
    const left = [...this.held].filter((name) => !wanted.has(name));
    const fresh = [...wanted].filter((name) => !this.held.has(name));
    this.held = wanted;
    if (left.length > 0) this.client.unsubscribe(left);
    if (fresh.length > 0) this.subscribe(fresh);
  }

  private subscribe(symbols: string[]): void {
    const subscription = this.client.subscribe({
      ...{ symbols, channels: ['trades'] },
      ...paced(this.interval_ms),
    });
    this.subscriptions = this.subscriptions.filter(({ symbols }) => symbols.size > 0);
    this.subscriptions.push(subscription);
  }
}

/** How a subscription says at which pace it wants to be served. */
export function paced(interval_ms: number): Pick<SubscribeRequest, 'mode' | 'interval_ms'> {
  return interval_ms === 0 ? { mode: 'every' } : { mode: 'latest', interval_ms };
}
