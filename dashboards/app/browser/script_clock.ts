/**
 * How long a page's script runs in each frame, by the clock, measured inside the page: tracing Chromium doubles what its main
 * thread does, so that a trace measures itself. What happens between the beginning of a frame's callbacks and that of the
 * next frame belongs to the frame. The browser's own total (`ScriptDuration`) says whether anything was overlooked.
 */
import type { Tab } from './devtools.ts';

export interface ScriptFigures {
  frames: number;
  /** Script a frame, ms. */
  mean: number;
  p50: number;
  p99: number;
  max: number;
  /** All of it as measured here, and as the browser counts it, ms. */
  total: number;
  browser: number;
  /** Tasks above 50 ms as the browser reports them, ms. */
  long: number[];
}

interface Clock {
  /** Whether frames are counted: not while memory is watched, which they would fill. */
  on: boolean;
  spent: number[];
  long: number[];
}

/** To be called before the page is opened. */
export async function install(tab: Tab): Promise<void> {
  await tab.send('Page.enable');
  await tab.send('Page.addScriptToEvaluateOnNewDocument', { source: `(${instrument})()` });
  await tab.send('Performance.enable');
}

/** What happens within `work`. */
export async function measure(tab: Tab, work: () => Promise<unknown>): Promise<ScriptFigures> {
  const before = await scriptDuration(tab);
  await tab.evaluate(`Object.assign(scriptClock, { on: true, spent: [0], long: [] })`);
  await work();
  const { spent, long } = await tab.evaluate<Clock>(`scriptClock`);
  await tab.evaluate(`Object.assign(scriptClock, { on: false, spent: [0], long: [] })`);
  const browser = (await scriptDuration(tab)) - before;
  const sorted = spent.slice(1).sort((a, b) => a - b);
  const at = (q: number): number => sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? NaN;
  const total = spent.reduce((sum, ms) => sum + ms, 0);
  return {
    frames: sorted.length,
    ...{ mean: total / sorted.length, p50: at(0.5), p99: at(0.99), max: at(1), total },
    ...{ browser, long },
  };
}

/** ms */
async function scriptDuration(tab: Tab): Promise<number> {
  const { metrics } = await tab.send('Performance.getMetrics');
  const found = (metrics as { name: string; value: number }[]).find(
    ({ name }) => name === 'ScriptDuration',
  );
  if (!found) throw new Error('Chromium no longer tells its ScriptDuration');
  return found.value * 1000;
}

/** In the page, before its own scripts: wraps every way in which they are called often. */
function instrument(): void {
  const clock: Clock = { on: false, spent: [0], long: [] };
  Object.assign(window, { scriptClock: clock });
  let depth = 0;
  let frame = -1;
  type Called = (...given: never[]) => unknown;
  const timed = (called: Called): Called =>
    function (this: unknown, ...given) {
      const from = performance.now();
      depth += 1;
      try {
        return called.apply(this, given);
      } finally {
        depth -= 1;
        if (depth === 0) clock.spent[clock.spent.length - 1]! += performance.now() - from;
      }
    };
  const request = window.requestAnimationFrame.bind(window);
  window.requestAnimationFrame = (callback) =>
    request((now) => {
      if (now !== frame && clock.on) clock.spent.push(0);
      frame = now;
      timed(callback)(now as never);
    });
  for (const name of ['setTimeout', 'setInterval'] as const) {
    const start = window[name].bind(window) as (called: Called, ms?: number) => number;
    Object.assign(window, { [name]: (called: Called, ms?: number) => start(timed(called), ms) });
  }
  const messages = Object.getOwnPropertyDescriptor(Worker.prototype, 'onmessage')!;
  Object.defineProperty(Worker.prototype, 'onmessage', {
    ...messages,
    set(listener: Called) {
      messages.set!.call(this, timed(listener));
    },
  });
  const observer = new PerformanceObserver((list) => {
    if (clock.on) for (const { duration } of list.getEntries()) clock.long.push(duration);
  });
  observer.observe({ type: 'longtask' });
}
