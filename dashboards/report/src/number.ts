/** Numbers as people read them: three digits, and a unit that fits the size. Pure. */

/** Three significant digits, but never an exponent, and thousands set apart. */
export function digits(value: number): string {
  const size = Math.abs(value);
  if (size === 0) return '0';
  if (size >= 999.5) return Math.round(value).toLocaleString('en');
  const places = Math.min(3, Math.max(0, 2 - Math.floor(Math.log10(size))));
  return String(Number(value.toFixed(places)));
}

/** A length of time, given in ms. */
export function time(ms: number): string {
  const size = Math.abs(ms);
  if (size === 0) return '0';
  if (size < 0.9995) return `${digits(ms * 1e3)} µs`;
  if (size < 999.5) return `${digits(ms)} ms`;
  return `${digits(ms / 1e3)} s`;
}

export function quantity(value: number, unit: string): string {
  if (unit === 'ms') return time(value);
  return unit === '' ? digits(value) : `${digits(value)} ${unit}`;
}

/** `p99.9` of 3 nines; 0 is the least. */
export function percentile(nines: number): string {
  if (nines <= 0) return 'least';
  const share = 100 * (1 - 10 ** -nines);
  const places = Math.max(nines < 1 ? 0 : 1, Math.ceil(nines) - 1);
  return `p${Number(share.toFixed(places))}`;
}
