/**
 * A price that has moved: an arrow for its last step, and a flash. One that moves now and then flashes and fades; one that
 * moves all the time keeps a tint that follows it, and fades once it rests: fifty fades that never end would have the browser
 * style and paint the whole list in every frame, and nobody could see them.
 */
import { mark } from './elements.ts';

const AGAIN_MS = 400;
/** Two flashes within this time are a price that moves all the time. */
const BUSY_MS = 1500;
const REST_MS = 600;

export class Flash {
  private shown = NaN;
  private flashedAt = -Infinity;
  private way: 'up' | 'down' = 'up';
  private turn = 0;
  private held = false;

  constructor(private readonly element: HTMLElement) {}

  /** Another symbol: what comes next is no movement. */
  reset(): void {
    this.shown = NaN;
    this.flashedAt = -Infinity;
    this.held = false;
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
    mark(this.element, 'tick', this.way);
    const since_ms = now_ms - this.flashedAt;
    if (since_ms < AGAIN_MS) return true;
    this.flashedAt = now_ms;
    this.held = since_ms < BUSY_MS;
    if (this.held) mark(this.element, 'flash', `${this.way}-held`);
    else this.fade();
    return true;
  }

  /** To be called now and then: a tint does not stay when the price rests. */
  rest(now_ms: number): void {
    if (!this.held || now_ms - this.flashedAt < REST_MS) return;
    this.held = false;
    this.fade();
  }

  private fade(): void {
    this.turn ^= 1;
    mark(this.element, 'flash', `${this.way}-${this.turn}`);
  }
}
