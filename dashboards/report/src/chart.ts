/**
 * One view of a figure as a uPlot chart: axes, lines, labels at their ends, hover. Colours are asked for at each drawing,
 * so that a change of the reader's scheme, or paper, needs a redraw only.
 */
import uPlot from 'uplot';
import type { Horizontal, View } from './data.ts';
import { Hover } from './hover.ts';
import { drawLabels, labelRoom } from './labels.ts';
import { digits, percentile, quantity, time } from './number.ts';
import { palette } from './palette.ts';
import { decades, FLOOR_MS, logRange, nines } from './scale.ts';

const FONT = '12px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';
/** Narrower than this, the legend above the chart must do: labels at the lines would take the chart's room. */
const LABELS_FROM = 560;

export interface Look {
  width: number;
  log: boolean;
  /** Labels of the series that the reader has switched off. */
  hidden: ReadonlySet<string>;
}

/** Values as they are drawn: what a logarithmic axis cannot show lies on its floor. */
function drawn(view: View, log: boolean): uPlot.AlignedData {
  const floor = (value: number | null): number | null =>
    log && value !== null && view.unit === 'ms' ? Math.max(value, FLOOR_MS) : value;
  return [view.x, ...view.series.map((series) => series.values.map(floor))];
}

function vertical(view: View, log: boolean): { scale: uPlot.Scale; axis: Partial<uPlot.Axis> } {
  const floor = log && view.unit === 'ms';
  const text = (value: number): string =>
    floor && value <= FLOOR_MS ? `≤ ${time(FLOOR_MS)}` : quantity(value, view.unit);
  const axis: Partial<uPlot.Axis> = {
    values: (_u, splits) => splits.map((split) => (split == null ? '' : text(split))),
    size: (_u, values) => 16 + 7 * Math.max(3, ...(values ?? []).map((value) => value.length)),
  };
  if (!log) {
    const range = (_u: uPlot, _min: number, max: number): uPlot.Range.MinMax => [
      0,
      (max || 1) * 1.05,
    ];
    return { scale: { range }, axis };
  }
  axis.splits = (u, _axis, min, max) => decades(min, max, u.height / 28);
  // By default uPlot names powers of ten only.
  axis.filter = (_u, splits) => splits;
  const range = (_u: uPlot, min: number, max: number): uPlot.Range.MinMax =>
    min === null ? [FLOOR_MS, 1] : logRange(min, max);
  return { scale: { distr: 3, log: 10, range }, axis };
}

function across(horizontal: Horizontal): { scale: uPlot.Scale; axis: Partial<uPlot.Axis> } {
  if (horizontal === 'nines') {
    return {
      scale: { time: false, range: (_u, _min, max) => [0, max] },
      axis: {
        splits: (_u, _axis, _min, max) => nines(max),
        values: (_u, splits) => splits.map((split) => (split <= 0 ? '' : percentile(split))),
      },
    };
  }
  if (horizontal === 'seconds') {
    return {
      scale: { time: false, range: (_u, min, max) => [min ?? 0, max ?? 1] },
      axis: {
        incrs: [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600],
        values: (_u, splits) => splits.map((split) => `${digits(split)} s`),
      },
    };
  }
  return {
    scale: { time: false, distr: 3, log: 10, range: (_u, min, max) => [min, max] },
    axis: {
      splits: (u, _axis, min, max) => decades(min, max, u.width / 60),
      filter: (_u, splits) => splits,
      values: (_u, splits) => splits.map((split) => (split == null ? '' : time(split))),
    },
  };
}

/** Where a line ends, in the canvas's own pixels; `null` if it is not to be seen. */
function end(u: uPlot, series: number): { x: number; y: number } | null {
  const values = u.data[series] as (number | null)[];
  const last = values.findLastIndex((value) => value != null);
  if (last < 0 || !u.series[series]!.show) return null;
  const x = u.valToPos(u.data[0][last]!, 'x', true);
  return { x, y: u.valToPos(values[last]!, 'y', true) };
}

export function chart(horizontal: Horizontal, view: View, look: Look): uPlot {
  const labelled = look.width >= LABELS_FROM;
  const hover = new Hover(horizontal, view, palette);
  const [x, y] = [across(horizontal), vertical(view, look.log)];
  const axis: Partial<uPlot.Axis> = {
    font: FONT,
    stroke: () => palette().muted,
    grid: { stroke: () => palette().grid, width: 1 },
    ticks: { show: false },
    gap: 8,
  };
  const labels = (u: uPlot): void => {
    if (!labelled) return;
    const colours = palette();
    const ends = view.series.flatMap((series, place) => {
      const at = end(u, place + 1);
      return at ? [{ text: series.label, colour: colours.series(series.slot), ...at }] : [];
    });
    drawLabels(u, ends, uPlot.pxRatio);
  };
  return new uPlot(
    {
      width: look.width,
      height: Math.round(Math.min(400, Math.max(250, look.width * 0.42))),
      padding: [12, labelled ? labelRoom(view.series.map((series) => series.label)) : 26, 0, 0],
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false }, points: { size: 7 } },
      scales: { x: x.scale, y: y.scale },
      axes: [
        { ...axis, ...x.axis, space: 48, size: 34 },
        { ...axis, ...y.axis, space: 34 },
      ],
      series: [
        {},
        ...view.series.map((series) => ({
          label: series.label,
          show: !look.hidden.has(series.label),
          stroke: () => palette().series(series.slot),
          width: series.slot === null ? 1.5 : 2,
          dash: series.dashed ? [5, 4] : [],
          points: { show: false },
        })),
      ],
      hooks: {
        init: [(u) => hover.attach(u)],
        setCursor: [(u) => hover.move(u)],
        draw: [labels],
      },
    },
    drawn(view, look.log),
  );
}
