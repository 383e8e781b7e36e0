/**
 * Numbers as the page prints them. Exact where exactness is promised (prices), short where it is not (rates, ages). Pure
 * functions; nothing here knows the DOM.
 */
import { formatPrice } from '@tickcast/client';

const grouped = new Intl.NumberFormat('en-US');
const short = new Intl.NumberFormat('en-US', {
  notation: 'compact',
  minimumSignificantDigits: 4,
  maximumSignificantDigits: 4,
});

export type Way = 'up' | 'down' | 'flat';

export interface Change {
  way: Way;
  arrow: string;
  amount: string;
  percent: string;
}

const UNCHANGED: Change = { way: 'flat', arrow: '', amount: '', percent: '–' };

/** `last` against `open`, both in steps of 10^-places; not a number where there is no price yet. */
export function change(last: number, open: number, places: number): Change {
  const difference = last - open;
  if (Number.isNaN(difference) || difference === 0) return UNCHANGED;
  const way = difference > 0 ? 'up' : 'down';
  const amount = price(Math.abs(difference), places);
  const percent = open === 0 ? '' : `${Math.abs((difference / open) * 100).toFixed(2)} %`;
  return { way, arrow: way === 'up' ? '▲' : '▼', amount, percent };
}

export function price(units: number, places: number): string {
  return Number.isNaN(units) ? '–' : inThousands(formatPrice(units, places));
}

/** As `change`, but only its way and percentage: what a row of the list shows. */
export function moved(last: number, open: number): { way: Way; percent: string } {
  const share = last / open - 1;
  if (!Number.isFinite(share) || share === 0) return UNCHANGED;
  const percent = `${Math.abs(share * 100).toFixed(2)} %`;
  return share > 0
    ? { way: 'up', percent: `+${percent}` }
    : { way: 'down', percent: `−${percent}` };
}

/** `91647.50` as `91,647.50`: text to text, so every digit stays. */
function inThousands(decimal: string): string {
  const point = decimal.indexOf('.');
  if ((point < 0 ? decimal.length : point) < 4) return decimal;
  const [whole, rest] = decimal.split('.') as [string, string?];
  const groups = whole.replace(/\B(?=(\d{3})+$)/g, ',');
  return rest === undefined ? groups : `${groups}.${rest}`;
}

/** Whole numbers up to 999,999, then `1.234M`. */
export function count(value: number): string {
  return value < 1_000_000 ? grouped.format(value) : short.format(value);
}

/** How long ago, coarse enough not to flicker. */
export function age(ms: number): string {
  if (Number.isNaN(ms)) return '–';
  if (ms < 1000) return '< 1 s';
  if (ms < 60_000) return `${Math.floor(ms / 1000)} s`;
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} min`;
  return `${Math.floor(ms / 3_600_000)} h`;
}

/** Microseconds as milliseconds, with a decimal below ten. */
export function milliseconds(us: number): string {
  const ms = us / 1000;
  if (ms < 0.1) return '< 0.1 ms';
  return `${ms < 10 ? ms.toFixed(1) : grouped.format(Math.round(ms))} ms`;
}

/** Bytes as kB or MB, decimal. */
export function bytes(value: number): string {
  if (value < 1000) return `${Math.round(value)} B`;
  if (value < 1_000_000) return `${(value / 1000).toFixed(1)} kB`;
  return `${(value / 1_000_000).toFixed(2)} MB`;
}
