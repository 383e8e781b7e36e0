/**
 * A price that has moved: an arrow for its last step, and a flash. A price that moves all the time flashes now and then, not
 * in every frame: nobody could see it, and each flash costs a style of its own.
 */
import { mark } from './elements.ts';

const AGAIN_MS = 400;

export class Flash {
  private shown = NaN;
  private flashedAt = 0;
  private turn = 0;

  constructor(private readonly element: HTMLElement) {}

  /** Another symbol: what comes next is no movement. */
  reset(): void {
    this.shown = NaN;
    mark(this.element, 'tick', '');
    mark(this.element, 'flash', '');
  }

  /** Whether `price` is another one than shown so far. */
  moved(price: number, now_ms: number): boolean {
    const before = this.shown;
    if (price === before) return false;
    this.shown = price;
    if (Number.isNaN(before) || Number.isNaN(price)) return true;
    const way = price > before ? 'up' : 'down';
    mark(this.element, 'tick', way);
    if (now_ms - this.flashedAt < AGAIN_MS) return true;
    this.flashedAt = now_ms;
    this.turn ^= 1;
    mark(this.element, 'flash', `${way}-${this.turn}`);
    return true;
  }
}
