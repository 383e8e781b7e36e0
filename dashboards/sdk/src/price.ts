/**
 * Exact decimals: an integer count of the smallest step and its number of places. Turns them into text and back without
 * passing through a binary fraction. Never rounds.
 */

/** `formatPrice(18720, 2)` is `187.20`. */
export function formatPrice(units: number, places: number): string {
  if (places === 0) return String(units);
  const digits = String(Math.abs(units)).padStart(places + 1, '0');
  const point = digits.length - places;
  return `${units < 0 ? '-' : ''}${digits.slice(0, point)}.${digits.slice(point)}`;
}

/** `parsePrice('187.20')` is `{ units: 18720, places: 2 }`; text that is no plain decimal is refused. */
export function parsePrice(text: string): { units: number; places: number } {
  const match = /^(-?\d+)(?:\.(\d+))?$/.exec(text);
  if (!match) throw new RangeError(`not a decimal: ${text}`);
  const fraction = match[2] ?? '';
  const units = Number(`${match[1]}${fraction}`);
  if (!Number.isSafeInteger(units)) throw new RangeError(`more digits than can be kept: ${text}`);
  return { units: units === 0 ? 0 : units, places: fraction.length };
}

/** The same value counted in steps of `to` places; `undefined` where that would need rounding. */
export function rescale(units: number, from: number, to: number): number | undefined {
  const scaled = to >= from ? units * 10 ** (to - from) : units / 10 ** (from - to);
  return Number.isSafeInteger(scaled) ? scaled : undefined;
}
