/**
 * Which clock ages are measured by. On one machine there is one clock, but the page's fine one only starts from it and may
 * drift away in hours; from another machine the most certain offset that any lane has measured holds.
 */
import type { OffsetEstimate } from '@tickcast/client';
import type { RaceClock } from './talk.ts';

/** `Date.now()` is whole milliseconds: less than this is no drift. */
const DRIFT_US = 2000;

export function oneClock(fine_us: number, wall_ms: number): RaceClock {
  const drift_us = wall_ms * 1000 + 500 - fine_us;
  const drifted = Math.abs(drift_us) > DRIFT_US;
  return { offset_us: drifted ? drift_us : 0, error_us: drifted ? 500 : 0, source: 'one clock' };
}

/** The estimate with the least error, of those now and the one kept: a lane that is delayed must not make it worse. */
export function mostCertain(
  kept: RaceClock,
  estimates: readonly (OffsetEstimate | undefined)[],
): RaceClock {
  let best = kept;
  for (const estimate of estimates) {
    if (!estimate) continue;
    const { offset_us, error_us } = estimate;
    if (best.source !== 'measured' || error_us <= best.error_us) {
      best = { offset_us, error_us, source: 'measured' };
    }
  }
  return best;
}

/** Whether a host is this machine. */
export function isHere(hostname: string): boolean {
  return /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
}
