/**
 * Reads a trace of Chromium: how much script the page's main thread ran in each frame, and its longest tasks; both in CPU
 * time, so that other programs on the machine do not count. Pure.
 * Format: https://chromium.googlesource.com/catapult/+/HEAD/docs/trace-event-format.md
 */
interface TraceEvent {
  name: string;
  ph: string;
  pid: number;
  tid: number;
  /** µs */
  ts: number;
  dur?: number;
  /** CPU time of the thread, µs: what it does not count is waiting for other programs. */
  tdur?: number;
  args?: { name?: string };
}

/** What counts as script; the outermost of nested ones is taken. Collecting garbage is script's doing. */
const SCRIPT = new Set([
  'FunctionCall',
  'EvaluateScript',
  'v8.run',
  'v8.callFunction',
  'RunMicrotasks',
  'FireAnimationFrame',
  'FireIdleCallback',
  'TimerFire',
  'EventDispatch',
  'HandlePostMessage',
  'MinorGC',
  'MajorGC',
  'V8.GCScavenger',
]);
/** Layout and style that a script forces are its doing too; what the frame does by itself is not. */
export const CATEGORIES = [
  'devtools.timeline',
  'disabled-by-default-devtools.timeline',
  'v8',
  'toplevel',
];

export interface FrameFigures {
  frames: number;
  /** Script a frame, ms of CPU time. */
  mean: number;
  p50: number;
  p99: number;
  max: number;
  /** Frames with 4 ms of script or more. */
  over: number;
  /** The longest task of the main thread, ms of CPU time, and ms on the clock. */
  longestTask: number;
  longestWait: number;
  longTasks: number;
}

export function readTrace(text: string, budget_ms: number, long_ms: number): FrameFigures {
  const { traceEvents } = JSON.parse(text) as { traceEvents: TraceEvent[] };
  const main = mainThread(traceEvents);
  const mine = traceEvents.filter((event) => `${event.pid}/${event.tid}` === main);
  const starts = mine
    .filter(({ name }) => name === 'FireAnimationFrame')
    .map(({ ts }) => ts)
    .sort((a, b) => a - b)
    .filter((ts, i, all) => i === 0 || ts - all[i - 1]! > 1000);
  const sums = new Float64Array(Math.max(0, starts.length - 1));
  for (const { ts, tdur } of outermost(mine.filter(({ name }) => SCRIPT.has(name)))) {
    const frame = frameOf(starts, ts);
    if (frame >= 0 && frame < sums.length) sums[frame]! += tdur! / 1000;
  }
  const sorted = [...sums].sort((a, b) => a - b);
  const at = (q: number): number => sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? NaN;
  const all = mine.filter(({ name, tdur }) => name === 'RunTask' && tdur !== undefined);
  if (all.length === 0) throw new Error('the trace has no tasks: Chromium names them otherwise');
  const tasks = all.map(({ tdur }) => tdur! / 1000);
  return {
    frames: sorted.length,
    mean: sorted.reduce((sum, value) => sum + value, 0) / sorted.length,
    p50: at(0.5),
    p99: at(0.99),
    max: at(1),
    over: sorted.filter((value) => value >= budget_ms).length,
    longestTask: tasks.reduce((longest, task) => Math.max(longest, task), 0),
    longestWait: all.reduce((longest, { dur = 0 }) => Math.max(longest, dur / 1000), 0),
    longTasks: tasks.filter((task) => task > long_ms).length,
  };
}

/** The thread that runs the page's animation frames. */
function mainThread(events: readonly TraceEvent[]): string {
  const counts = new Map<string, number>();
  for (const { name, pid, tid } of events) {
    if (name === 'FireAnimationFrame') {
      counts.set(`${pid}/${tid}`, (counts.get(`${pid}/${tid}`) ?? 0) + 1);
    }
  }
  const best = [...counts].sort((a, b) => b[1] - a[1])[0];
  if (!best) throw new Error('the trace has no animation frames');
  return best[0];
}

function outermost(events: TraceEvent[]): TraceEvent[] {
  let end = -Infinity;
  return events
    .filter(({ ph, dur, tdur }) => ph === 'X' && dur !== undefined && tdur !== undefined)
    .sort((a, b) => a.ts - b.ts || b.dur! - a.dur!)
    .filter(({ ts, dur }) => {
      if (ts < end) return false;
      end = ts + dur!;
      return true;
    });
}

/** The last frame that began at `ts` or before; what runs after a frame's start, until the next one, belongs to it. */
function frameOf(starts: readonly number[], ts: number): number {
  let [low, high] = [0, starts.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (starts[middle]! <= ts) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
