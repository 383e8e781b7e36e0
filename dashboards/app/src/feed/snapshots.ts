/**
 * What is asked for once and not streamed: each symbol's day so far, and the past hours of a symbol as a few closing prices
 * for its sparkline. Asks for few at a time; an answer that does not come is asked for again when it is wanted again.
 */
import type { SymbolRow } from '@tickcast/client';
import { DAY } from './talk.ts';

/** Sparklines show four hours. */
const SPARK = 'interval=5m&limit=48';
const AT_ONCE = 4;

interface DayBar {
  S: string;
  O: number;
  C: number;
  v: number;
}

/** Open, last price and volume of the day, of all symbols. */
export async function days(base: string, symbols: readonly SymbolRow[]) {
  const answer = await fetch(`${base}/v1/poll?symbols=*&channels=bars:1d`);
  if (!answer.ok) throw new Error(`GET /v1/poll answered ${answer.status}`);
  const { messages } = (await answer.json()) as { messages: DayBar[] };
  const rows = new Map(symbols.map((symbol, row) => [symbol.S, row]));
  const packed = new Float64Array(messages.length * DAY);
  let at = 0;
  for (const day of messages) {
    const row = rows.get(day.S);
    if (row === undefined) continue;
    const steps = 10 ** symbols[row]!.places;
    packed.set([row, Math.round(day.O * steps), Math.round(day.C * steps), day.v], at);
    at += DAY;
  }
  return packed.slice(0, at);
}

/** Loads sparklines, newest wishes first. */
export class Sparks {
  private wanted: string[] = [];
  private readonly known = new Set<string>();
  private running = 0;

  constructor(
    private readonly base: string,
    private readonly loaded: (name: string, closes: Float32Array<ArrayBuffer>) => void,
  ) {}

  /** These rows are on the screen. */
  want(names: readonly string[]): void {
    this.wanted = names.filter((name) => !this.known.has(name));
    this.next();
  }

  /** What is known is of another market. */
  forget(): void {
    this.known.clear();
  }

  private next(): void {
    while (this.running < AT_ONCE) {
      const name = this.wanted.shift();
      if (name === undefined) return;
      this.known.add(name);
      this.running += 1;
      void this.load(name)
        .catch(() => this.known.delete(name))
        .finally(() => {
          this.running -= 1;
          this.next();
        });
    }
  }

  private async load(name: string): Promise<void> {
    const symbol = encodeURIComponent(name);
    const answer = await fetch(`${this.base}/v1/bars?symbol=${symbol}&${SPARK}`);
    if (!answer.ok) throw new Error(`GET /v1/bars answered ${answer.status}`);
    const bars = (await answer.json()) as { C: number }[];
    this.loaded(
      name,
      Float32Array.from(bars, (bar) => bar.C),
    );
  }
}
