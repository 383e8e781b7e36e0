/** Numbers as people read them: three digits, and a unit that fits the size. Pure. */

/** Three significant digits, but never an exponent, and thousands set apart. */
export function digits(value: number): string {
  return Number(padded(value).replaceAll(',', '')).toLocaleString('en', {
    maximumFractionDigits: 6,
  });
}

/** The same with zeros at the end, so that figures below each other have the same number of digits. */
export function padded(value: number): string {
  const size = Math.abs(value);
  if (size === 0) return '0';
  if (size >= 999.5) return Math.round(value).toLocaleString('en');
  const exponent = Number(value.toExponential(2).split('e')[1]);
  return value.toFixed(Math.min(6, Math.max(0, 2 - exponent)));
}

/** A length of time, given in ms; with `write`, as exactly as that writes numbers. */
export function time(ms: number, write = digits): string {
  const size = Math.abs(ms);
  if (size === 0) return '0';
  if (size < 0.9995) return `${write(ms * 1e3)} µs`;
  if (size < 999.5) return `${write(ms)} ms`;
  return `${write(ms / 1e3)} s`;
}

export function quantity(value: number, unit: string, write = digits): string {
  if (unit === 'ms') return time(value, write);
  return unit === '' ? write(value) : `${write(value)} ${unit}`;
}

/** `p99.9` of 3 nines; 0 is the least. */
export function percentile(nines: number): string {
  if (nines <= 0) return 'least';
  const share = 100 * (1 - 10 ** -nines);
  const places = Math.max(nines < 1 ? 0 : 1, Math.ceil(nines) - 1);
  return `p${Number(share.toFixed(places))}`;
}
