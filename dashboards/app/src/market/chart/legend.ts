/**
 * The line over the chart: the bar under the crosshair, or the newest one.
 */
import { element, mark, part, write } from '../../frame/elements.ts';
import { change, count, price } from '../../frame/format.ts';
import type { Candle } from './candles.ts';

const FIELDS = ['O', 'H', 'L', 'C', 'V'] as const;

export class Legend {
  private readonly line = element('legend');
  private readonly values: Record<(typeof FIELDS)[number], HTMLElement>;
  private readonly moved = part('span', 'moved');
  private readonly time = part('span', 'when');

  constructor() {
    this.line.append(this.time);
    const made = FIELDS.map((name) => {
      const label = part('i', 'label');
      label.textContent = name;
      const value = part('b', 'value');
      this.line.append(part('span', 'field', label, value));
      return [name, value] as const;
    });
    this.values = Object.fromEntries(made) as typeof this.values;
    this.line.append(this.moved);
  }

  paint(bar: Candle | undefined, places: number): void {
    this.line.hidden = bar === undefined;
    if (!bar) return;
    const { O, H, L, C, v } = bar;
    const texts = [
      price(O, places),
      price(H, places),
      price(L, places),
      price(C, places),
      count(v),
    ];
    FIELDS.forEach((name, i) => write(this.values[name], texts[i]!));
    const { way, arrow, percent } = change(C, O, places);
    mark(this.line, 'way', way);
    write(this.moved, `${arrow} ${percent}`.trim());
    write(this.time, when(bar.ts));
  }
}

const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');

/** The start of a bar, UTC, as short as the axis has it. */
function when(ts: number): string {
  const date = new Date(ts / 1000);
  const day = `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]}`;
  const time = date.toISOString().slice(11, 19);
  return time === '00:00:00' ? day : `${day} ${time.endsWith(':00') ? time.slice(0, 5) : time}`;
}
