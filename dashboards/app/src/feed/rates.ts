/**
 * What the page says about itself: events a second, and the latency of the newest event of each frame. A window of one
 * second, looked at once a second; nothing is kept longer.
 */

/** Differences of running totals over the time between two looks. */
export class Rates<K extends string> {
  private before: Record<K, number> | undefined;
  private at = 0;

  /** Per second since the last look; nothing at the first. */
  look(totals: Record<K, number>, now_ms: number): Record<K, number> | undefined {
    const before = this.before;
    const seconds = (now_ms - this.at) / 1000;
    this.before = { ...totals };
    this.at = now_ms;
    if (!before || seconds <= 0) return undefined;
    const keys = Object.keys(totals) as K[];
    const rate = (key: K): number => Math.round((totals[key] - before[key]) / seconds);
    return Object.fromEntries(keys.map((key) => [key, rate(key)])) as Record<K, number>;
  }
}

/** Collects samples and gives their median once. */
export class Median {
  private samples: number[] = [];

  add(sample: number): void {
    if (this.samples.length < 4096) this.samples.push(sample);
  }

  /** The median since the last call. */
  take(): number | undefined {
    const sorted = this.samples.sort((a, b) => a - b);
    this.samples = [];
    return sorted[Math.floor(sorted.length / 2)];
  }
}
