/**
 * A lane's picture: a bar as long as the price is old now, and below it, on the same axis, how late updates came, with the
 * curve that theory gives. SVG in its own coordinates; told shares, keeps nothing.
 */
import { part } from '../frame/elements.ts';
import type { Shown } from './figures.ts';
import { spread, uniformShares, type Uniform } from './histogram.ts';

const COLUMNS = 72;
const [WIDTH, HEIGHT] = [COLUMNS * 4, 40];
const SVG = 'http://www.w3.org/2000/svg';

export interface Axis {
  end_ms: number;
  /** Where updates should come, by theory: uniformly here, or all at one place. */
  theory: Uniform | number | undefined;
}

export class Plot {
  readonly root: HTMLElement;
  private readonly filled = part('i', 'bar');
  private readonly shares = shape('path', 'shares');
  private readonly curve = shape('path', 'theory');
  private readonly picture = document.createElementNS(SVG, 'svg');
  private end_ms = 1000;

  constructor(private readonly title: string) {
    this.picture.setAttribute('viewBox', `0 0 ${WIDTH} ${HEIGHT}`);
    this.picture.setAttribute('preserveAspectRatio', 'none');
    this.picture.setAttribute('role', 'img');
    this.picture.setAttribute('class', 'histogram');
    this.picture.setAttribute('aria-label', `${title}: how late updates came`);
    this.picture.append(this.shares, this.curve);
    const track = part('div', 'track', this.filled);
    track.setAttribute('aria-hidden', 'true');
    this.root = part('div', 'lane-plot', track);
    this.root.append(this.picture);
  }

  bar(ms: number): void {
    const share = Number.isNaN(ms) ? 0 : Math.min(1, Math.max(0.004, ms / this.end_ms));
    this.filled.style.transform = `scaleX(${share.toFixed(4)})`;
  }

  draw({ bins, p50_ms, p99_ms }: Shown, { end_ms, theory }: Axis): void {
    this.end_ms = end_ms;
    const shares = spread(bins, end_ms, COLUMNS);
    const expected =
      typeof theory === 'object' ? uniformShares(theory, end_ms, COLUMNS) : undefined;
    // Theory's height is two fifths of the picture, so that chance has room above it; the last column, which is everything
    // later than the axis, does not press the others down.
    const top = Math.max(...shares.slice(0, -1), 2.5 * Math.max(0, ...(expected ?? [])), 1e-9);
    this.shares.setAttribute('d', columns(shares, top));
    this.curve.setAttribute('d', expected ? outline(expected, top) : needle(theory, end_ms));
    if (!Number.isFinite(p50_ms)) return;
    const half = `half of them within ${p50_ms.toFixed(1)} ms, 99 % within ${p99_ms.toFixed(1)} ms`;
    const by = expected ? '; a line shows what theory expects' : '';
    this.picture.setAttribute('aria-label', `${this.title}: how late updates came: ${half}${by}`);
  }
}

/** A closed column for each share that is not nothing. */
function columns(shares: readonly number[], top: number): string {
  const width = WIDTH / COLUMNS;
  return shares
    .map((share, i) => {
      if (share <= 0) return '';
      const height = Math.max(1, Math.min(1, share / top) * (HEIGHT - 1));
      return `M${i * width} ${HEIGHT}v-${height.toFixed(2)}h${width - 0.6}V${HEIGHT}z`;
    })
    .join('');
}

function outline(shares: readonly number[], top: number): string {
  const width = WIDTH / COLUMNS;
  const y = (share: number): string => (HEIGHT - (share / top) * (HEIGHT - 1)).toFixed(2);
  const steps = shares.map((share, i) => `V${y(share)}H${((i + 1) * width).toFixed(2)}`);
  return `M0 ${HEIGHT}${steps.join('')}V${HEIGHT}`;
}

/** The least latency possible, where there is one. */
function needle(at_ms: number | Uniform | undefined, end_ms: number): string {
  if (typeof at_ms !== 'number' || at_ms <= 0) return '';
  return `M${((at_ms / end_ms) * WIDTH).toFixed(2)} ${HEIGHT}V2`;
}

function shape(kind: string, name: string): SVGElement {
  const made = document.createElementNS(SVG, kind);
  made.setAttribute('class', name);
  return made;
}
