/**
 * The past hours of a symbol as a line of a few points, its last one being the present price. SVG, so that its colour comes
 * from the style sheet.
 */
const SVG = 'http://www.w3.org/2000/svg';
const WIDTH = 64;
const HEIGHT = 24;
/** The line's own thickness stays inside. */
const MARGIN = 2;

/** Path data of `closes` and then `last`; empty where there is no line yet. */
export function sparkPath(closes: ArrayLike<number> | undefined, last: number): string {
  if (!closes || closes.length < 2) return '';
  const points = Array.from(closes);
  if (!Number.isNaN(last)) points[points.length - 1] = last;
  const low = Math.min(...points);
  const high = Math.max(...points);
  const scale = high > low ? (HEIGHT - 2 * MARGIN) / (high - low) : 0;
  const step = WIDTH / (points.length - 1);
  const middle = high > low ? 0 : HEIGHT / 2 - MARGIN;
  return points
    .map((value, i) => {
      const y = HEIGHT - MARGIN - middle - (value - low) * scale;
      return `${i === 0 ? 'M' : 'L'}${(i * step).toFixed(1)} ${y.toFixed(1)}`;
    })
    .join('');
}

export class Sparkline {
  readonly element = document.createElementNS(SVG, 'svg');
  private readonly line = document.createElementNS(SVG, 'path');
  private path = '';

  constructor() {
    const { element } = this;
    element.setAttribute('class', 'spark');
    element.setAttribute('viewBox', `0 0 ${WIDTH} ${HEIGHT}`);
    element.setAttribute('aria-hidden', 'true');
    element.append(this.line);
  }

  paint(closes: ArrayLike<number> | undefined, last: number, way: string): void {
    const path = sparkPath(closes, last);
    if (path !== this.path) this.line.setAttribute('d', path);
    this.path = path;
    if (this.element.dataset['way'] !== way) this.element.dataset['way'] = way;
  }
}
