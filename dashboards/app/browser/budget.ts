/**
 * Measures the rendering budget: `npm run budget -w app`, after `make pages` and a build of the server. 5,000 updates/s, 50
 * visible rows, every trade: script a frame and longest task from a trace of Chromium, memory after collecting garbage. Prints
 * the figures and fails where they miss the budget. Takes 30 s; `BUDGET_S=600` watches memory for ten minutes.
 */
import { availableParallelism, cpus } from 'node:os';
import { expect, it } from 'vitest';
import { Heap } from './heap.ts';
import { alive, open, ROW } from './market.ts';
import { launch, Server } from './server.ts';
import { CATEGORIES, readTrace } from './trace.ts';

const RATE = 5000;
const ROWS = 50;
const SCRIPT_MS = 4;
const LONG_MS = 50;
const TRACE_S = 15;
const WARM_S = 5;
const TOTAL_S = Number(process.env['BUDGET_S'] ?? 30);
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
    const browser = await launch();
    try {
      const viewport = { width: 1440, height: 2490 };
      const { page, complaints } = await open(browser, server.url, { viewport });
      await alive(page);
      const visible = await page.locator(ROW).evaluateAll((rows) => {
        const { top, bottom } = document.getElementById('rows')!.getBoundingClientRect();
        const boxes = rows.map((row) => row.getBoundingClientRect());
        return boxes.filter((box) => box.top >= top - 1 && box.bottom <= bottom + 1).length;
      });
      expect(visible).toBe(ROWS);
      const heap = await Heap.of(page);
      await seconds(WARM_S);
      await browser.startTracing(page, { categories: CATEGORIES });
      const totals = await page.evaluate(rates, TRACE_S * 1000);
      const figures = readTrace((await browser.stopTracing()).toString(), SCRIPT_MS, LONG_MS);
      const samples = await watch(heap, TOTAL_S);
      const growth = grown(samples);
      report({ ...totals, ...figures }, samples, growth);
      expect(complaints).toEqual([]);
      expect(totals.received).toBeGreaterThan(RATE * 0.9);
      expect(figures.frames / TRACE_S).toBeGreaterThan(20);
      expect(figures.p99).toBeLessThan(SCRIPT_MS);
      expect(figures.longTasks).toBe(0);
      expect(growth).toBeLessThan(GROWTH_MAX);
    } finally {
      await browser.close();
      await server.kill();
    }
  },
  (TOTAL_S + 120) * 1000,
);

/** In the page: the mean of the rates that it shows. */
async function rates(ms: number): Promise<{ received: number; painted: number }> {
  const read = (id: string): number =>
    Number((document.getElementById(id)!.textContent ?? '').replace(/[^\d]/g, ''));
  const seen: [number, number][] = [];
  const end = performance.now() + ms;
  while (performance.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, 1000));
    seen.push([read('fact-received'), read('fact-painted')]);
  }
  const mean = (i: 0 | 1): number => seen.reduce((sum, pair) => sum + pair[i], 0) / seen.length;
  return { received: mean(0), painted: mean(1) };
}

async function watch(heap: Heap, total_s: number) {
  const samples: { page: number; worker: number }[] = [];
  for (let i = 0; i < SAMPLES; i++) {
    samples.push(await heap.used());
    await seconds(total_s / SAMPLES);
  }
  return samples;
}

/** Share by which the last third is above the first one. */
function grown(samples: { page: number; worker: number }[]): number {
  const sums = samples.map(({ page, worker }) => page + worker);
  const third = Math.floor(sums.length / 3);
  return median(sums.slice(-third)) / median(sums.slice(0, third)) - 1;
}

function report(
  figures: ReturnType<typeof readTrace> & { received: number; painted: number },
  samples: { page: number; worker: number }[],
  growth: number,
): void {
  const ms = (value: number): string => `${value.toFixed(2)} ms`;
  const [first, last] = [samples[0]!, samples.at(-1)!];
  const lines = [
    `machine      ${cpus()[0]?.model}, ${availableParallelism()} processors, shared with server and browser`,
    `load         ${Math.round(figures.received)} updates/s received, ${Math.round(figures.painted)} painted, ${ROWS} visible rows`,
    `frames       ${figures.frames} in ${TRACE_S} s`,
    `script (CPU) mean ${ms(figures.mean)}, p50 ${ms(figures.p50)}, p99 ${ms(figures.p99)}, max ${ms(figures.max)}; ${figures.over} frames of ${SCRIPT_MS} ms or more`,
    `tasks        longest ${ms(figures.longestTask)} of CPU (${ms(figures.longestWait)} on the clock), ${figures.longTasks} above ${LONG_MS} ms`,
    `heap         page ${mb(first.page)} → ${mb(last.page)}, worker ${mb(first.worker)} → ${mb(last.worker)} in ${TOTAL_S} s; last third ${(growth * 100).toFixed(1)} % above the first`,
  ];
  console.log(lines.join('\n'));
}
