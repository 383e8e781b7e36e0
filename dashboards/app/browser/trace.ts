/**
 * Reads a trace of Chromium: how much script the page's main thread ran in each frame, and its longest tasks. By the clock,
 * which is what a user sees and what the budget is about; and in CPU time, which tells how much of that was waiting for other
 * programs on the machine. Pure.
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
export const CATEGORIES = ['devtools.timeline', 'disabled-by-default-devtools.timeline'];

/** Script a frame and tasks of the main thread, ms. */
export interface Spent {
  mean: number;
  p50: number;
  p99: number;
  max: number;
  /** Share of the frames with as much script as the budget, or more. */
  over: number;
  longestTask: number;
  longTasks: number;
}

export interface FrameFigures {
  frames: number;
  clock: Spent;
  cpu: Spent;
}

/** How long an event took, µs, on one of the two clocks. */
type Taken = (event: TraceEvent) => number;

export function readTrace(events: unknown[], budget_ms: number, long_ms: number): FrameFigures {
  const traceEvents = events as TraceEvent[];
  const main = mainThread(traceEvents);
  const mine = traceEvents.filter((event) => `${event.pid}/${event.tid}` === main);
  const tasks = mine.filter(({ name, tdur }) => name === 'RunTask' && tdur !== undefined);
  if (tasks.length === 0) throw new Error('the trace has no tasks: Chromium names them otherwise');
  const starts = frameStarts(mine, tasks);
  const script = outermost(mine.filter(({ name }) => SCRIPT.has(name)));
  const spent = (taken: Taken): Spent => {
    const sums = perFrame(starts, script, taken);
    const times = tasks.map((task) => taken(task) / 1000);
    return {
      ...distribution(sums),
      over: sums.filter((ms) => ms >= budget_ms).length / sums.length,
      longestTask: times.reduce((longest, ms) => Math.max(longest, ms), 0),
      longTasks: times.filter((ms) => ms > long_ms).length,
    };
  };
  return {
    frames: Math.max(0, starts.length - 1),
    clock: spent(({ dur }) => dur!),
    cpu: spent(({ tdur }) => tdur!),
  };
}

/** When each frame began: all animation callbacks of a frame run in one task, however many there are. */
function frameStarts(events: TraceEvent[], tasks: TraceEvent[]): number[] {
  const begun = tasks.map(({ ts }) => ts).sort((a, b) => a - b);
  const frames = new Set<number>();
  for (const { name, ts } of events) {
    if (name === 'FireAnimationFrame') frames.add(begun[frameOf(begun, ts)] ?? ts);
  }
  return [...frames].sort((a, b) => a - b);
}

/** Script of each frame but the last, ms. */
function perFrame(starts: readonly number[], script: TraceEvent[], taken: Taken): Float64Array {
  const sums = new Float64Array(Math.max(0, starts.length - 1));
  for (const event of script) {
    const frame = frameOf(starts, event.ts);
    if (frame >= 0 && frame < sums.length) sums[frame]! += taken(event) / 1000;
  }
  return sums;
}

function distribution(values: Float64Array): Pick<Spent, 'mean' | 'p50' | 'p99' | 'max'> {
  const sorted = values.slice().sort();
  const at = (q: number): number => sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? NaN;
  const mean = sorted.reduce((sum, value) => sum + value, 0) / sorted.length;
  return { mean, p50: at(0.5), p99: at(0.99), max: at(1) };
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

/** The last one that began at `ts` or before; what runs after a frame's start, until the next one, belongs to it. */
function frameOf(starts: readonly number[], ts: number): number {
  let [low, high] = [0, starts.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (starts[middle]! <= ts) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
