/**
 * A price that has moved: an arrow for its way, and a flash. One that moves now and then flashes and fades. One that moves all
 * the time keeps a light tint, which together with the arrow changes at most every 400 ms (nothing may flicker), and fades
 * once it rests: fifty fades that never end would have the browser style and paint the whole list in every frame.
 */
import { mark } from './elements.ts';

const AGAIN_MS = 400;
/** Two flashes within this time are a price that moves all the time. */
const BUSY_MS = 1500;
const REST_MS = 600;

export class Flash {
  private shown = NaN;
  private way: 'up' | 'down' = 'up';
  /** The way of the last step is not yet shown. */
  private waits = false;
  private held = false;
  private flashedAt = -Infinity;
  private turn = 0;

  constructor(private readonly element: HTMLElement) {}

  /** Another symbol: what comes next is no movement. */
  reset(): void {
    this.shown = NaN;
    this.flashedAt = -Infinity;
    this.held = this.waits = false;
    mark(this.element, 'tick', '');
    mark(this.element, 'flash', '');
  }

  /** Whether `price` is another one than shown so far. */
  moved(price: number, now_ms: number): boolean {
    const before = this.shown;
    if (price === before) return false;
    this.shown = price;
    if (Number.isNaN(before) || Number.isNaN(price)) return true;
    this.way = price > before ? 'up' : 'down';
    this.waits = true;
    this.settle(now_ms);
    return true;
  }

  /** Shows what waits, and lets a tint go when the price rests: to be called whenever the page paints. */
  settle(now_ms: number): void {
    const since_ms = now_ms - this.flashedAt;
    if (this.waits && since_ms >= AGAIN_MS) {
      this.flashedAt = now_ms;
      this.waits = false;
      this.held = since_ms < BUSY_MS;
      mark(this.element, 'tick', this.way);
      if (this.held) mark(this.element, 'flash', `${this.way}-held`);
      else this.fade();
    } else if (this.held && since_ms >= REST_MS) {
      this.held = false;
      this.fade();
    }
  }

  private fade(): void {
    this.turn ^= 1;
    mark(this.element, 'flash', `${this.way}-${this.turn}`);
  }
}
