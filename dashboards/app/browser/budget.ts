/**
 * Measures the rendering budget: `npm run budget -w app`, after `make pages` and a build of the server. 5,000 updates/s, 50
 * visible rows, every trade: script a frame and longest task from a trace of Chromium, memory after collecting garbage. Prints
 * the figures and fails where they miss the budget. Takes 30 s; `BUDGET_S=600` watches memory for ten minutes.
 */
import { writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg } from 'node:os';
import { expect, it } from 'vitest';
import { Devtools, Tab } from './devtools.ts';
import { used, type Used } from './heap.ts';
import { ROW } from './market.ts';
import { Server } from './server.ts';
import { CATEGORIES, readTrace, type FrameFigures, type Spent } from './trace.ts';

const RATE = 5000;
const ROWS = 50;
const SCRIPT_MS = 4;
const LONG_MS = 50;
const TRACE_S = 15;
const WARM_S = 5;
const TOTAL_S = Number(process.env['BUDGET_S'] ?? 30);
/** Where to leave the trace, for Chromium's own panel "Performance". */
const SAVED = process.env['BUDGET_TRACE'];
const SAMPLES = 12;
/** Between the first and the last third of the samples. */
const GROWTH_MAX = 0.05;

const seconds = (s: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, s * 1000));
const mb = (bytes: number): string => `${(bytes / 1e6).toFixed(2)} MB`;
const median = (values: number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;

it(
  'keeps the budget',
  async () => {
    const load = ['--symbols', `${ROWS}`, '--rate', `${RATE}`, '--popularity', 'uniform'];
    const server = await Server.start(0, [...load, '--trades-only']);
    const devtools = Devtools.start();
    try {
      const tab = await Tab.open(devtools, server.url, 1440, 2490);
      await tab.until(`Number(document.getElementById('chart')?.dataset.bars) > 50`);
      await tab.until(`document.querySelectorAll('.trade:not([hidden])').length > 0`);
      expect(await tab.evaluate(`(${visibleRows})('${ROW}')`)).toBe(ROWS);
      await seconds(WARM_S);
      let totals!: Totals;
      const events = await tab.trace(CATEGORIES, async () => {
        totals = await tab.evaluate<Totals>(`(${observe})(${TRACE_S * 1000})`);
      });
      if (SAVED) writeFileSync(SAVED, JSON.stringify({ traceEvents: events }));
      const figures = readTrace(events, SCRIPT_MS, LONG_MS);
      const samples = await watch(tab, TOTAL_S);
      const growth = grown(samples);
      report({ ...totals, ...figures }, samples, growth);
      expect(tab.complaints).toEqual([]);
      expect(totals.received).toBeGreaterThan(RATE * 0.9);
      expect(figures.frames / TRACE_S).toBeGreaterThan(20);
      expect(figures.clock.p99).toBeLessThan(SCRIPT_MS);
      expect(totals.long).toEqual([]);
      expect(figures.clock.longTasks).toBe(0);
      expect(growth).toBeLessThan(GROWTH_MAX);
    } finally {
      await devtools.close();
      await server.kill();
    }
  },
  (TOTAL_S + 120) * 1000,
);

interface Totals {
  /** Means of the rates that the page shows, a second. */
  received: number;
  painted: number;
  /** Tasks above 50 ms as the browser itself reports them, ms. */
  long: number[];
}

/** In the page: how many rows can be seen whole. */
function visibleRows(selector: string): number {
  const { top, bottom } = document.getElementById('rows')!.getBoundingClientRect();
  const boxes = [...document.querySelectorAll(selector)].map((row) => row.getBoundingClientRect());
  return boxes.filter((box) => box.top >= top - 1 && box.bottom <= bottom + 1).length;
}

/** In the page: the rates that it shows, and its long tasks. */
async function observe(ms: number): Promise<Totals> {
  const long: number[] = [];
  const observer = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) long.push(duration);
  });
  observer.observe({ type: 'longtask' });
  const read = (id: string): number =>
    Number((document.getElementById(id)!.textContent ?? '').replace(/[^\d]/g, ''));
  const seen: [number, number][] = [];
  const end = performance.now() + ms;
  while (performance.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, 1000));
    seen.push([read('fact-received'), read('fact-painted')]);
  }
  observer.disconnect();
  const mean = (i: 0 | 1): number => seen.reduce((sum, pair) => sum + pair[i], 0) / seen.length;
  return { received: mean(0), painted: mean(1), long };
}

async function watch(tab: Tab, total_s: number): Promise<Used[]> {
  const samples: Used[] = [];
  for (let i = 0; i < SAMPLES; i++) {
    samples.push(await used(tab));
    await seconds(total_s / SAMPLES);
  }
  return samples;
}

/** Share by which the last third is above the first one. */
function grown(samples: Used[]): number {
  const sums = samples.map(({ page, worker }) => page + worker);
  const third = Math.floor(sums.length / 3);
  return median(sums.slice(-third)) / median(sums.slice(0, third)) - 1;
}

function report(figures: FrameFigures & Totals, samples: Used[], growth: number): void {
  const ms = (value: number): string => `${value.toFixed(2)} ms`;
  const [first, last] = [samples[0]!, samples.at(-1)!];
  const script = ({ mean, p50, p99, max, over }: Spent): string =>
    `mean ${ms(mean)}, p50 ${ms(p50)}, p99 ${ms(p99)}, max ${ms(max)}; ${(over * 100).toFixed(2)} % of the frames have ${SCRIPT_MS} ms or more`;
  const { clock, cpu, long } = figures;
  const lines = [
    `machine      ${cpus()[0]?.model}, ${availableParallelism()} processors, shared with server and browser; load ${loadavg()[0]!.toFixed(1)}`,
    `load         ${Math.round(figures.received)} updates/s received, ${Math.round(figures.painted)} painted, ${ROWS} visible rows`,
    `frames       ${figures.frames} in ${TRACE_S} s`,
    `script       ${script(clock)}`,
    `  its CPU    ${script(cpu)}`,
    `tasks        longest ${ms(clock.longestTask)} (CPU ${ms(cpu.longestTask)}), ${clock.longTasks} above ${LONG_MS} ms; the browser reported ${long.length}`,
    `heap         page ${mb(first.page)} → ${mb(last.page)}, worker ${mb(first.worker)} → ${mb(last.worker)} in ${TOTAL_S} s; last third ${(growth * 100).toFixed(1)} % above the first`,
  ];
  console.log(lines.join('\n'));
}
