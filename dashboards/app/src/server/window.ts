/**
 * The last five minutes of a panel: times and one row of values a line, oldest first, in the shape that uPlot draws. What is
 * not known is a hole in the line.
 */
export const WINDOW_S = 300;

export class PanelWindow {
  private readonly times: number[] = [];
  private rows: (number | null)[][];
  private begun: number | undefined;

  constructor(lines: number) {
    this.rows = Array.from({ length: lines }, () => []);
  }

  add(at_s: number, values: readonly number[]): void {
    this.begun ??= at_s;
    this.times.push(at_s);
    this.rows.forEach((row, i) => row.push(Number.isFinite(values[i]) ? values[i]! : null));
    while (this.times[0]! < at_s - WINDOW_S - 2) {
      this.times.shift();
      for (const row of this.rows) row.shift();
    }
  }

  /** x in seconds before `now_s`. */
  data(now_s: number): [number[], ...(number | null)[][]] {
    return [this.times.map((at) => at - now_s), ...this.rows];
  }

  /** How far back to draw: a page that was just opened does not show five empty minutes. */
  span(now_s: number): number {
    const seen = now_s - (this.begun ?? now_s);
    return [60, 120].find((span) => seen <= span) ?? WINDOW_S;
  }

  /** The newest value of a line. */
  last(line: number): number | null {
    return this.rows[line]?.at(-1) ?? null;
  }

  at(line: number, index: number): number | null {
    return this.rows[line]?.[index] ?? null;
  }
}
