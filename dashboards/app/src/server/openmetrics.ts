/**
 * Reads the server's metrics: OpenMetrics text (https://prometheus.io/docs/specs/om/open_metrics_spec/) into numbers by name
 * and labels. Takes what it knows and skips the rest; exemplars and timestamps are not used here.
 */

/** All samples of one scrape: `name{labels}` as the text has it, labels in the text's order. */
export interface Scrape {
  /** When it was taken, s. */
  at: number;
  /** Samples by name; each with its labels. */
  families: Map<string, { labels: Record<string, string>; value: number }[]>;
}

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g;

export function parse(text: string, at: number): Scrape {
  const families: Scrape['families'] = new Map();
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const match = LINE.exec(line);
    if (!match) continue;
    const [, name, inner = '', number] = match as unknown as [string, string, string?, string?];
    const labels: Record<string, string> = {};
    for (const [, key, quoted] of inner.matchAll(LABEL)) labels[key!] = unescaped(quoted!);
    const sample = { labels, value: numberOf(number!) };
    const family = families.get(name);
    if (family) family.push(sample);
    else families.set(name, [sample]);
  }
  return { at, families };
}

function unescaped(quoted: string): string {
  return quoted.replace(/\\(.)/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped));
}

function numberOf(text: string): number {
  if (text === '+Inf') return Infinity;
  if (text === '-Inf') return -Infinity;
  return Number(text);
}

export type Labels = Record<string, string>;

/** The sum of all samples of `name` that have these labels; not a number if there are none. */
export function value({ families }: Scrape, name: string, labels: Labels = {}): number {
  const wanted = Object.entries(labels);
  const found = (families.get(name) ?? []).filter((sample) =>
    wanted.every(([key, value]) => sample.labels[key] === value),
  );
  return found.length === 0 ? NaN : found.reduce((sum, sample) => sum + sample.value, 0);
}

/** The values that a label has. */
export function labelled({ families }: Scrape, name: string, label: string): string[] {
  return [...new Set((families.get(name) ?? []).map(({ labels }) => labels[label] ?? ''))];
}
