/**
 * Latencies as a histogram: 32 bins an octave, so that a percentile is right to 2 %, spread onto the linear axis that is
 * drawn, and what theory says about them. Pure; draws nothing.
 */

const PER_OCTAVE = 32;
const LEAST_MS = 0.05;
const OCTAVES = 21;
/** From 0.05 ms to 105 s; what is beyond is counted at the end. */
export const BINS = PER_OCTAVE * OCTAVES;

export function binOf(ms: number): number {
  if (!(ms > LEAST_MS)) return 0;
  return Math.min(BINS - 1, Math.floor(Math.log2(ms / LEAST_MS) * PER_OCTAVE));
}

/** The lower edge of a bin; the lowest one begins at 0. */
export function edge(bin: number): number {
  return bin === 0 ? 0 : LEAST_MS * 2 ** (bin / PER_OCTAVE);
}

/** The q-quantile, ms, linear within its bin; not a number where nothing was counted. */
export function quantile(bins: ArrayLike<number>, q: number): number {
  let total = 0;
  for (let bin = 0; bin < bins.length; bin++) total += bins[bin]!;
  if (total === 0) return NaN;
  let left = q * total;
  for (let bin = 0; bin < bins.length; bin++) {
    const inside = bins[bin]!;
    if (inside > 0 && left <= inside) {
      return edge(bin) + (left / inside) * (edge(bin + 1) - edge(bin));
    }
    left -= inside;
  }
  return edge(bins.length);
}

/** Shares of all samples on `columns` equal parts of 0..`most` ms; what is beyond stands in the last one. */
export function spread(bins: ArrayLike<number>, most: number, columns: number): number[] {
  const shares = new Array<number>(columns).fill(0);
  const width = most / columns;
  let total = 0;
  for (let bin = 0; bin < bins.length; bin++) {
    const inside = bins[bin]!;
    if (inside === 0) continue;
    total += inside;
    const [from, to] = [edge(bin), edge(bin + 1)];
    const first = Math.min(columns - 1, Math.floor(from / width));
    const last = Math.min(columns - 1, Math.floor(to / width));
    for (let column = first; column <= last; column++) {
      const begin = Math.max(from, column * width);
      const end = column === columns - 1 ? to : Math.min(to, (column + 1) * width);
      shares[column]! += (inside * Math.max(0, end - begin)) / (to - from);
    }
  }
  return total === 0 ? shares : shares.map((share) => share / total);
}

/** A uniform distribution, ms. */
export interface Uniform {
  from: number;
  to: number;
}

/**
 * When polled every `poll_ms`, an event waits until the next question reaches the server, which is uniform in (0, T), and
 * then half a round trip until the answer is here. A poll that takes longer than T is followed by the next at once.
 */
export function pollTheory(poll_ms: number, roundTrip_ms: number): Uniform {
  const way = roundTrip_ms / 2;
  return { from: way, to: way + Math.max(poll_ms, roundTrip_ms) };
}

/** The share of a uniform distribution on each of `columns` parts of 0..`most`. */
export function uniformShares({ from, to }: Uniform, most: number, columns: number): number[] {
  const width = most / columns;
  const below = (ms: number): number => Math.min(1, Math.max(0, (ms - from) / (to - from)));
  return Array.from({ length: columns }, (_, i) => below((i + 1) * width) - below(i * width));
}

/** The end of the common axis for polls every `poll_ms`, ms: a third more, so that lateness has room. */
export function axisEnd(poll_ms: number, delay_ms: number): number {
  const needed = (poll_ms + 2 * delay_ms) * 1.15;
  const magnitude = 10 ** Math.floor(Math.log10(needed));
  const step = [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10].find((s) => s * magnitude >= needed);
  return (step ?? 10) * magnitude;
}
