/**
 * What interrupted the chart's symbol, kept for as long as the page is open, and shown at the bar in which it happened.
 * Pure: the chart turns the marks into shapes.
 */
export interface Interruption {
  /** When the stream went on, µs. */
  at_us: number;
  /** Trades did not come, however long it took; otherwise the stream went on without a loss. */
  lossy: boolean;
  text: string;
}

export interface Mark {
  /** Start of the bar, µs. */
  ts: number;
  lossy: boolean;
  text: string;
}

const KEPT = 200;

export class Marks {
  private readonly symbols = new Map<string, Interruption[]>();

  add(symbol: string, interruption: Interruption): void {
    const all = this.symbols.get(symbol) ?? [];
    all.push(interruption);
    if (all.length > KEPT) all.shift();
    this.symbols.set(symbol, all);
  }

  /** One mark a bar; a loss is told before what was no loss. */
  of(symbol: string, covering: (ts: number) => { ts: number } | undefined): Mark[] {
    const marks = new Map<number, Mark>();
    for (const { at_us, lossy, text } of this.symbols.get(symbol) ?? []) {
      const bar = covering(at_us);
      if (!bar) continue;
      const known = marks.get(bar.ts);
      if (!known || (lossy && !known.lossy)) marks.set(bar.ts, { ts: bar.ts, lossy, text });
    }
    return [...marks.values()].sort((a, b) => a.ts - b.ts);
  }
}
