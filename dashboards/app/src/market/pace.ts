/**
 * The frequency slider: from every trade to the latest each five seconds. Tells its owner once it rests on a step, so that
 * dragging it does not ask the server for every step on the way.
 */
import { element, write } from '../frame/elements.ts';

export const PACES_MS = [0, 50, 100, 250, 500, 1000, 2000, 5000] as const;
const REST_MS = 150;

/** The step for a wish that may lie between two. */
export function nearestPace(interval_ms: number): number {
  const distances = PACES_MS.map((pace) => Math.abs(pace - interval_ms));
  return distances.indexOf(Math.min(...distances));
}

export function paceText(interval_ms: number): string {
  if (interval_ms === 0) return 'every trade';
  return interval_ms < 1000 ? `${interval_ms} ms` : `${interval_ms / 1000} s`;
}

export class Pace {
  private readonly slider = element<HTMLInputElement>('pace');
  private readonly text = element('pace-text');
  private resting: ReturnType<typeof setTimeout> | undefined;

  constructor(changed: (interval_ms: number) => void) {
    this.slider.max = String(PACES_MS.length - 1);
    this.slider.addEventListener('input', () => {
      const interval_ms = PACES_MS[Number(this.slider.value)]!;
      this.label(interval_ms);
      clearTimeout(this.resting);
      this.resting = setTimeout(() => changed(interval_ms), REST_MS);
    });
  }

  show(interval_ms: number): void {
    this.slider.value = String(nearestPace(interval_ms));
    this.label(interval_ms);
  }

  private label(interval_ms: number): void {
    const text = paceText(interval_ms);
    write(this.text, text);
    this.slider.setAttribute('aria-valuetext', text);
  }
}
