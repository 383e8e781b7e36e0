/**
 * The tape: the newest trades of the chart's symbol, the latest on top. The element of the oldest trade becomes the newest
 * one's, so a busy tape moves elements and makes none.
 */
import { TRADE } from '../feed/talk.ts';
import { element, mark, part, write } from '../frame/elements.ts';
import { count, price } from '../frame/format.ts';

const LINES = 40;

interface Line {
  element: HTMLElement;
  time: HTMLElement;
  arrow: HTMLElement;
  price: HTMLElement;
  size: HTMLElement;
  many: HTMLElement;
}

export class Tape {
  private readonly list = element('tape');
  private readonly empty = element('tape-empty');
  private readonly lines: Line[] = [];
  private used = 0;
  private places = 0;
  private next = 0;
  private before = NaN;

  /** Another symbol: nothing is known of it yet. */
  begin(places: number): void {
    this.places = places;
    this.used = this.next = 0;
    this.before = NaN;
    this.empty.hidden = false;
    for (const line of this.lines) line.element.hidden = true;
  }

  /** Trades packed as `TRADE` says, oldest first; how many lines were painted. */
  paint(trades: Float64Array): number {
    const size = trades.length / TRADE;
    if (size === 0) return 0;
    this.empty.hidden = true;
    const from = Math.max(0, size - LINES);
    for (let i = from; i < size; i++) this.line(trades.subarray(i * TRADE, (i + 1) * TRADE));
    return size - from;
  }

  private line(trade: Float64Array): void {
    const [ts, value, size, trades, side] = trade as unknown as [
      number,
      number,
      number,
      number,
      number,
    ];
    const line = this.take();
    write(line.time, new Date(ts / 1000).toISOString().slice(11, 23));
    write(line.price, price(value, this.places));
    write(line.size, count(size));
    mark(line.element, 'merged', String(trades > 1));
    line.many.hidden = trades <= 1;
    write(line.many, trades > 1 ? `×${trades}` : '');
    const way = side || Math.sign(value - this.before) || 0;
    this.before = value;
    mark(line.element, 'way', way > 0 ? 'up' : way < 0 ? 'down' : 'flat');
    write(line.arrow, way > 0 ? '▲' : way < 0 ? '▼' : '');
    line.element.hidden = false;
    this.list.prepend(line.element);
  }

  private take(): Line {
    if (this.used < LINES && this.used === this.lines.length) this.lines.push(made());
    this.used = Math.min(LINES, this.used + 1);
    const line = this.lines[this.next]!;
    this.next = (this.next + 1) % LINES;
    return line;
  }
}

function made(): Line {
  const [time, arrow, value, size, many] = ['when', 'arrow', 'price', 'size', 'many'].map((name) =>
    part('span', name),
  ) as [HTMLElement, HTMLElement, HTMLElement, HTMLElement, HTMLElement];
  const line = part('li', 'trade', time, arrow, value, size, many);
  many.title = 'Trades that the server merged into this one';
  return { element: line, time, arrow, price: value, size, many };
}
