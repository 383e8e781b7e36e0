/**
 * The age of the newest price, added up over time exactly and not by samples: between two events it grows by a second each
 * second, so what lies under it is a trapezium. Times are µs of one clock; knows neither network nor timers.
 */
export class AgeIntegral {
  /** ms² and ms; their quotient is the mean age. */
  area = 0;
  time = 0;
  private due_us = NaN;
  private until_us = NaN;

  /** The newest price is from now on the one that was due at `due_us`. */
  newest(due_us: number, now_us: number): void {
    this.look(now_us);
    this.due_us = due_us;
    if (Number.isNaN(this.until_us)) this.until_us = now_us;
  }

  /** Counts up to now. */
  look(now_us: number): void {
    if (Number.isNaN(this.until_us) || now_us <= this.until_us) return;
    const from = Math.max(0, this.until_us - this.due_us) / 1000;
    const to = Math.max(0, now_us - this.due_us) / 1000;
    const time = (now_us - this.until_us) / 1000;
    this.area += ((from + to) / 2) * time;
    this.time += time;
    this.until_us = now_us;
  }

  /** There is no price any more; totals stay. */
  forget(now_us: number): void {
    this.look(now_us);
    this.due_us = NaN;
    this.until_us = NaN;
  }
}
