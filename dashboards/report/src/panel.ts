/**
 * A figure with its chart: fills the `<figure>` that the load tester has written, with the choice of view and of axis
 * above the chart. Keeps the chart as wide as the page, redraws it for another scheme and for paper.
 */
import type uPlot from 'uplot';
import { chart } from './chart.ts';
import type { Figure } from './data.ts';

/** Width of a chart on paper, CSS pixels: A4 and Letter less the margins that the style sets. */
const PAPER_WIDTH = 690;

export class Panel {
  private readonly room = document.createElement('div');
  private plot: uPlot | undefined;
  private view = 0;
  private log: boolean;
  private hidden: ReadonlySet<string> = new Set();

  constructor(
    element: HTMLElement,
    private readonly figure: Figure,
  ) {
    this.log = figure.views[0]!.log;
    this.room.className = 'chart';
    this.room.setAttribute('role', 'img');
    this.room.setAttribute('aria-label', element.querySelector('h3')?.textContent ?? figure.id);
    const place = element.querySelector('.plot') ?? element;
    place.replaceChildren(this.controls(), this.room);
    new ResizeObserver(() => {
      if (this.plot && Math.abs(this.plot.width - this.room.clientWidth) > 1) this.draw();
    }).observe(this.room);
    this.draw();
  }

  /** Draws anew: as wide as there is room, or as wide as paper. */
  draw(paper = false): void {
    const width = paper ? PAPER_WIDTH : Math.max(260, this.room.clientWidth);
    const view = this.figure.views[this.view]!;
    const log = this.log;
    this.plot?.destroy();
    this.plot = chart(this.figure.horizontal, view, { width, log, hidden: this.hidden });
    // Paper does not wait for the microtask in which a chart is painted otherwise.
    this.plot.batch(() => undefined);
    this.room.replaceChildren(this.plot.root);
  }

  hide(labels: ReadonlySet<string>): void {
    this.hidden = labels;
    this.draw();
  }

  private controls(): HTMLElement {
    const row = document.createElement('div');
    row.className = 'controls';
    if (this.figure.views.length > 1) {
      const names = this.figure.views.map((view) => view.label);
      row.append(
        choice('What is shown', names, this.view, (chosen) => {
          this.view = chosen;
          this.draw();
        }),
      );
    }
    row.append(
      choice('Vertical axis', ['logarithmic', 'linear'], this.log ? 0 : 1, (chosen) => {
        this.log = chosen === 0;
        this.draw();
      }),
    );
    return row;
  }
}

function choice(
  name: string,
  options: string[],
  chosen: number,
  choose: (option: number) => void,
): HTMLElement {
  const select = document.createElement('select');
  select.setAttribute('aria-label', name);
  select.append(...options.map((text, place) => new Option(text, String(place))));
  select.selectedIndex = chosen;
  select.addEventListener('change', () => choose(select.selectedIndex));
  return select;
}
