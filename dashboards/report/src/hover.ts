/** What the pointer points at, in words and figures: one box a chart, the greatest value first, as lines lie. */
import type uPlot from 'uplot';
import type { Horizontal, View } from './data.ts';
import { padded, percentile, quantity, time } from './number.ts';
import type { Palette } from './palette.ts';

export function heading(horizontal: Horizontal, x: number): string {
  if (horizontal === 'nines') return percentile(x);
  if (horizontal === 'seconds') return `second ${x}`;
  return time(x);
}

/** What an index of a view shows, greatest first; series that are hidden or have nothing there are left out. */
export function rows(
  view: View,
  index: number,
  shown: (series: number) => boolean,
): { series: number; value: number }[] {
  return view.series
    .map((series, place) => ({ series: place, value: series.values[index] }))
    .filter((row): row is { series: number; value: number } => row.value != null)
    .filter((row) => shown(row.series))
    .toSorted((a, b) => b.value - a.value);
}

export class Hover {
  private readonly box = document.createElement('div');

  constructor(
    private readonly horizontal: Horizontal,
    private readonly view: View,
    private readonly colours: () => Palette,
  ) {
    this.box.className = 'hover';
    this.box.hidden = true;
  }

  attach(u: uPlot): void {
    u.over.append(this.box);
  }

  move(u: uPlot): void {
    const index = u.cursor.idx;
    const found =
      index == null ? [] : rows(this.view, index, (series) => u.series[series + 1]!.show!);
    this.box.hidden = found.length === 0;
    if (index == null || this.box.hidden) return;
    const title = document.createElement('strong');
    title.textContent = heading(this.horizontal, this.view.x[index]!);
    this.box.replaceChildren(title, ...found.flatMap((row) => this.row(row)));
    const left = u.valToPos(this.view.x[index]!, 'x');
    const beside = left > u.over.clientWidth / 2;
    this.box.style.left = beside ? '' : `${left + 14}px`;
    this.box.style.right = beside ? `${u.over.clientWidth - left + 14}px` : '';
  }

  private row(row: { series: number; value: number }): HTMLElement[] {
    const series = this.view.series[row.series]!;
    const name = document.createElement('span');
    name.textContent = series.label;
    name.className = series.dashed ? 'dashed' : '';
    name.style.setProperty('--swatch', this.colours().series(series.slot));
    const value = document.createElement('span');
    value.textContent = quantity(row.value, this.view.unit, padded);
    return [name, value];
  }
}
