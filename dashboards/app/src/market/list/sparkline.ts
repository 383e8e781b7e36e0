/**
 * The past hours of a symbol as a line of a few points, its last one being the present price. SVG, so that its colour comes
 * from the style sheet.
 */
const SVG = 'http://www.w3.org/2000/svg';
const WIDTH = 64;
const HEIGHT = 24;
/** The line's own thickness stays inside. */
const MARGIN = 2;

/** All points of a line but its last, which is the only one that moves, and the path through them while the range holds. */
interface Past {
  closes: ArrayLike<number>;
  low: number;
  high: number;
  drawn?: { low: number; high: number; path: string };
}

function past(closes: ArrayLike<number>): Past {
  let [low, high] = [Infinity, -Infinity];
  for (let i = 0; i < closes.length - 1; i++) {
    low = Math.min(low, closes[i]!);
    high = Math.max(high, closes[i]!);
  }
  return { closes, low, high };
}

/** The path through what is past and then `last`. */
function pathOf(past: Past, last: number): string {
  const { closes } = past;
  const end = closes.length - 1;
  const value = Number.isNaN(last) ? closes[end]! : last;
  const low = Math.min(past.low, value);
  const high = Math.max(past.high, value);
  const scale = high > low ? (HEIGHT - 2 * MARGIN) / (high - low) : 0;
  const middle = high > low ? 0 : HEIGHT / 2 - MARGIN;
  const point = (i: number, value: number): string => {
    const y = HEIGHT - MARGIN - middle - (value - low) * scale;
    return `${i === 0 ? 'M' : 'L'}${((i * WIDTH) / end).toFixed(1)} ${y.toFixed(1)}`;
  };
  if (past.drawn?.low !== low || past.drawn.high !== high) {
    let path = '';
    for (let i = 0; i < end; i++) path += point(i, closes[i]!);
    past.drawn = { low, high, path };
  }
  return past.drawn.path + point(end, value);
}

/** Path data of `closes`, the last of them being `last` by now; empty where there is no line yet. */
export function sparkPath(closes: ArrayLike<number> | undefined, last: number): string {
  return closes && closes.length > 1 ? pathOf(past(closes), last) : '';
}

export class Sparkline {
  readonly element = document.createElementNS(SVG, 'svg');
  private readonly line = document.createElementNS(SVG, 'path');
  private path = '';
  private past: Past | undefined;

  constructor() {
    const { element } = this;
    element.setAttribute('class', 'spark');
    element.setAttribute('width', String(WIDTH));
    element.setAttribute('height', String(HEIGHT));
    element.setAttribute('aria-hidden', 'true');
    element.append(this.line);
  }

  paint(closes: ArrayLike<number> | undefined, last: number, way: string): void {
    if (closes !== this.past?.closes) {
      this.past = closes && closes.length > 1 ? past(closes) : undefined;
    }
    const path = this.past ? pathOf(this.past, last) : '';
    if (path !== this.path) this.line.setAttribute('d', path);
    this.path = path;
    if (this.element.dataset['way'] !== way) this.element.dataset['way'] = way;
  }
}
