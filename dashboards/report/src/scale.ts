/** Where an axis has its ticks, and how far it reaches. Pure; uPlot calls it for each chart. */

/** Below this a logarithmic axis of time does not go: 10 µs is less than the clocks and the kernel can tell. */
export const FLOOR_MS = 0.01;

/** The percentiles that get a tick, as nines. */
export function nines(max: number): number[] {
  const all = [0, Math.log10(2), 1, 2, 3, 4, 5, 6];
  return all.filter((tick) => tick <= max + 1e-9);
}

/** Powers of ten, with 2 and 5 between them where there is room. */
export function decades(min: number, max: number, roomFor: number): number[] {
  const few = Math.log10(max / min) * 3 <= roomFor;
  const ticks = [];
  for (let power = Math.floor(Math.log10(min)); power <= Math.ceil(Math.log10(max)); power++) {
    for (const step of few ? [1, 2, 5] : [1]) {
      const tick = Number((step * 10 ** power).toPrecision(1));
      if (tick >= min * (1 - 1e-9) && tick <= max * (1 + 1e-9)) ticks.push(tick);
    }
  }
  return ticks;
}

/** The range of a logarithmic axis that shows `min` to `max`: it ends on 1, 2 or 5. */
export function logRange(min: number, max: number): [number, number] {
  const low = Math.max(min, FLOOR_MS);
  const high = Math.max(max, low * 10);
  const steps = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10];
  const base = (value: number): number => 10 ** Math.floor(Math.log10(value));
  const below = steps.filter((step) => step * base(low) <= low * (1 + 1e-9));
  const above = steps.find((step) => step * base(high) >= high * (1 - 1e-9));
  return [below.at(-1)! * base(low), above! * base(high)];
}
