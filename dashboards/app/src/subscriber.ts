/**
 * Decides what is subscribed: everything at once where that is little, otherwise only what is on the screen. Follows the
 * screen at most every `FOLLOW_MS`, keeps rows near it, and so stays far below the server's request limit.
 */
import type { FeedClient, SubscribeRequest } from '@tickcast/client';

/** Up to here one pattern is cheaper than following the screen. */
export const ALL_MAX = 2000;
const FOLLOW_MS = 150;
/** Rows beyond the screen that are subscribed early, and those that are kept. */
const AHEAD = 10;
const KEEP = 60;

const LATEST: Omit<SubscribeRequest, 'symbols'> = {
  channels: ['trades', 'quotes'],
  mode: 'latest',
  interval_ms: 250,
};

export type Names = (around: number) => string[];

export class Subscriber {
  private readonly held = new Set<string>();
  private following: Names | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private started = false;

  constructor(private readonly client: Pick<FeedClient, 'subscribe' | 'unsubscribe'>) {}

  /** Begins with `symbols` as a whole, or with what `names` says is on the screen. */
  start(symbols: string[], count: number, names: Names): void {
    if (this.started) return;
    this.started = true;
    if (count <= ALL_MAX) {
      this.client.subscribe({ symbols, ...LATEST });
      return;
    }
    this.following = names;
    this.follow();
  }

  /** The screen shows other rows. */
  moved(): void {
    if (!this.following || this.timer !== undefined) return;
    this.timer = setTimeout(() => {
      this.timer = undefined;
      this.follow();
    }, FOLLOW_MS);
  }

  private follow(): void {
    const names = this.following!;
    const kept = new Set(names(KEEP));
    const left = [...this.held].filter((name) => !kept.has(name));
    const fresh = names(AHEAD).filter((name) => !this.held.has(name));
    for (const name of left) this.held.delete(name);
    for (const name of fresh) this.held.add(name);
    if (left.length > 0) this.client.unsubscribe(left);
    if (fresh.length > 0) this.client.subscribe({ symbols: fresh, ...LATEST });
  }
}
