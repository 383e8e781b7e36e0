/**
 * What the load tester writes into a report for its charts (`load-tester/src/report/figures.rs`; both are held together by
 * the browser test). The tables are plain HTML and need none of it.
 */

/** What stands along the horizontal axis: -log10(1 - quantile), seconds since the window began, or a latency in ms. */
export type Horizontal = 'nines' | 'seconds' | 'ms';

export interface Series {
  label: string;
  /** Which of the palette's colours, from 0; `null` is the quiet one, of theory. */
  slot: number | null;
  dashed: boolean;
  /** One for each `x`; `null` where there is nothing. */
  values: (number | null)[];
}

/** One way of looking at a figure; with several, the reader chooses. */
export interface View {
  label: string;
  /** `ms` gets units by size; anything else is printed behind the number. */
  unit: string;
  /** Whether a logarithmic axis is the better beginning. */
  log: boolean;
  x: number[];
  series: Series[];
}

export interface Figure {
  /** The `id` of the `<figure>` that it belongs into. */
  id: string;
  horizontal: Horizontal;
  views: View[];
}
