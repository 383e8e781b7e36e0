/**
 * One panel: title, lines with their newest values, or those under the pointer, and the chart (uPlot). All charts share the
 * pointer's time. Owns no data but its window.
 */
import uPlot from 'uplot';
import { colours } from '../frame/colours.ts';
import { part, write } from '../frame/elements.ts';
import type { Line, Panel } from './panels.ts';
import { PanelWindow } from './window.ts';

const HEIGHT = 112;
/** Ticks at whole, round numbers. */
const STEPS = Array.from({ length: 30 }, (_, i) => [1, 2, 5][i % 3]! * 10 ** Math.floor(i / 3));
const LINES = ['line-1', 'line-2', 'line-3', 'line-4', 'line-5'] as const;
const PAINTS = [...LINES, 'muted', 'line-soft', 'surface'] as const;
type Paints = Record<(typeof PAINTS)[number], string>;

export class Chart {
  readonly root: HTMLElement;
  private readonly window: PanelWindow;
  private readonly values: HTMLElement[] = [];
  private readonly stage = part('div', 'plot');
  private paints: Paints = colours(PAINTS);
  private plot: uPlot | undefined;
  private span = 60;
  private pointed: number | undefined;

  constructor(
    readonly panel: Panel,
    readonly lines: readonly Line[],
  ) {
    this.window = new PanelWindow(lines.length);
    const heading = document.createElement('h2');
    heading.id = `panel-${panel.id}`;
    heading.textContent = panel.title;
    const means = part('p', 'means');
    means.textContent = panel.means;
    const legend = part('ul', 'legend', ...lines.map((line, i) => this.entry(line, i)));
    legend.setAttribute('role', 'list');
    this.stage.setAttribute('role', 'img');
    this.root = part('section', 'chart-panel', heading, means, this.stage, legend);
    this.root.dataset['panel'] = panel.id;
    this.root.setAttribute('aria-labelledby', heading.id);
  }

  /** Once it stands in the page: it needs to know its width. */
  begin(): void {
    this.plot = new uPlot(this.options(), this.window.data(0), this.stage);
    new ResizeObserver(() => {
      this.plot?.setSize({ width: this.stage.clientWidth, height: HEIGHT });
    }).observe(this.stage);
  }

  add(at_s: number, values: readonly number[]): void {
    this.window.add(at_s, values);
    this.span = this.window.span(at_s);
    this.plot?.setData(this.window.data(at_s));
    this.legend();
  }

  /** The newest value of a line. */
  last(line: number): number {
    return this.window.last(line) ?? NaN;
  }

  recolour(): void {
    this.paints = colours(PAINTS);
    this.plot?.redraw(false, true);
  }

  private legend(): void {
    const { print, title } = this.panel;
    const texts = this.lines.map((_, line) => {
      const value =
        this.pointed === undefined ? this.window.last(line) : this.window.at(line, this.pointed);
      return value === null ? '–' : print(value);
    });
    texts.forEach((text, line) => write(this.values[line]!, text));
    const said = this.lines.map(({ name }, line) => `${name} ${texts[line]}`).join(', ');
    this.stage.setAttribute('aria-label', `${title}, chart. Now: ${said}`);
  }

  private entry({ name }: Line, line: number): HTMLElement {
    const key = part('i', `key key-${(line % LINES.length) + 1}`);
    const label = part('span', 'legend-name');
    label.textContent = name;
    const value = part('b', 'legend-value');
    this.values.push(value);
    return part('li', '', key, label, value);
  }

  private options(): uPlot.Options {
    const { logarithmic } = this.panel;
    const axis = {
      stroke: () => this.paints.muted,
      grid: { stroke: () => this.paints['line-soft'], width: 1 },
      ticks: { show: false },
      font: '11px Inter Variable, sans-serif',
      gap: 4,
    };
    return {
      width: this.stage.clientWidth,
      height: HEIGHT,
      padding: [8, 16, 0, 0],
      legend: { show: false },
      cursor: {
        sync: { key: 'server' },
        drag: { x: false, y: false },
        points: { size: 6 },
        y: false,
      },
      hooks: { setCursor: [(plot) => this.point(plot.cursor.idx ?? undefined)] },
      scales: {
        x: { time: false, range: () => [-this.span, 0] },
        y: logarithmic ? { distr: 3, range: decades } : { range: fromNothing },
      },
      axes: [
        { ...axis, size: 22, splits: () => quarters(this.span), values: (_, all) => all.map(ago) },
        {
          ...axis,
          size: 58,
          space: 22,
          values: (_, all) => all.map((one) => (one === null ? '' : round(this.panel.print(one)))),
          ...(logarithmic
            ? { splits: tens, filter: (_: uPlot, all: number[]) => all }
            : { incrs: STEPS }),
        },
      ],
      series: [{}, ...this.lines.map((_, line) => this.series(line))],
    };
  }

  private series(line: number): uPlot.Series {
    const paint = LINES[line % LINES.length]!;
    return {
      stroke: () => this.paints[paint],
      width: 1.6,
      points: { show: false },
      spanGaps: false,
    };
  }

  private point(index: number | undefined): void {
    if (index === this.pointed) return;
    this.pointed = index;
    this.legend();
  }
}

/** From 0 to a little above the highest; small counts keep whole ticks. */
export function fromNothing(_: unknown, __: number, most: number): [number, number] {
  return [0, most > 0 ? most * 1.15 : 1];
}

/** `300.0 kB/s` as `300 kB/s`: an axis has no room for what says nothing. */
function round(printed: string): string {
  return printed.replace(/\.0+(?=\D)/, '');
}

/** Whole powers of ten around the values, ms. */
export function decades(_: unknown, least: number | null, most: number | null): [number, number] {
  const [low, high] = [Math.max(least || 0.01, 0.01), Math.max(most || 1, 0.1)];
  const begin = Math.floor(Math.log10(low));
  return [10 ** begin, 10 ** Math.max(begin + 1, Math.ceil(Math.log10(high)))];
}

function tens(plot: uPlot): number[] {
  const { min = 0.01, max = 1 } = plot.scales['y']!;
  const [low, high] = [Math.round(Math.log10(min)), Math.round(Math.log10(max))];
  return Array.from({ length: high - low + 1 }, (_, i) => 10 ** (low + i));
}

function quarters(span: number): number[] {
  const step = span === 300 ? 60 : span / 4;
  return Array.from({ length: Math.round(span / step) + 1 }, (_, i) => i * step - span);
}

function ago(seconds: number): string {
  if (seconds === 0) return 'now';
  return seconds % 60 === 0
    ? `${seconds / 60} min`.replace('-', '−')
    : `${seconds} s`.replace('-', '−');
}
