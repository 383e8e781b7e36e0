/**
 * What two scrapes say about the time between them: rates of counters, quantiles of histograms. A counter that went back
 * belongs to another server; then nothing is said.
 */
import { labelled, value, type Labels, type Scrape } from './openmetrics.ts';

/** A second's worth of a counter; not a number where it cannot be said. */
export function rate(from: Scrape, to: Scrape, name: string, labels: Labels = {}): number {
  const grown = value(to, `${name}_total`, labels) - value(from, `${name}_total`, labels);
  const seconds = to.at - from.at;
  return grown >= 0 && seconds > 0 ? grown / seconds : NaN;
}

/**
 * The q-quantile of what a histogram took between two scrapes, in its own unit, as Prometheus reckons it: linear within a
 * bucket, the lower edge of the last bucket beyond it.
 */
export function quantile(from: Scrape, to: Scrape, name: string, q: number): number {
  const bounds = labelled(to, `${name}_bucket`, 'le').sort((a, b) => bound(a) - bound(b));
  const upTo = bounds.map(
    (le) => value(to, `${name}_bucket`, { le }) - value(from, `${name}_bucket`, { le }),
  );
  const total = upTo.at(-1) ?? NaN;
  if (!(total > 0) || upTo.some((count) => !(count >= 0))) return NaN;
  const rank = q * total;
  const at = upTo.findIndex((count) => count >= rank);
  const below = at === 0 ? 0 : bound(bounds[at - 1]!);
  if (bound(bounds[at]!) === Infinity) return below;
  const before = at === 0 ? 0 : upTo[at - 1]!;
  const share = (rank - before) / (upTo[at]! - before);
  return below + share * (bound(bounds[at]!) - below);
}

function bound(le: string): number {
  return le === '+Inf' ? Infinity : Number(le);
}
