/**
 * What can be set beside the list: interval, pace, transport and format, and on a narrow screen which panel is seen. Shows
 * what is wished and tells what is wished instead.
 */
import { element } from '../frame/elements.ts';
import { INTERVALS, TRANSPORTS, type Wishes } from './address.ts';
import { Pace } from './pace.ts';

export interface ControlsOwner {
  wish(some: Partial<Wishes>): void;
  /** The bars as a file. */
  csv(): void;
}

export class Controls {
  private readonly intervals = new Map<string, HTMLButtonElement>();
  private readonly transport = element<HTMLSelectElement>('transport');
  private readonly format = element<HTMLSelectElement>('format');
  private readonly pace: Pace;

  constructor(owner: ControlsOwner) {
    this.pace = new Pace((interval_ms) => owner.wish({ interval_ms }));
    for (const interval of INTERVALS) {
      const button = document.createElement('button');
      button.type = 'button';
      button.textContent = interval === '1d' ? '1D' : interval;
      button.addEventListener('click', () => owner.wish({ interval }));
      this.intervals.set(interval, button);
      element('intervals').append(button);
    }
    this.transport.addEventListener('change', () => {
      owner.wish({ transport: TRANSPORTS.find((name) => name === this.transport.value) });
    });
    this.format.addEventListener('change', () => {
      owner.wish({ format: this.format.value === 'msgpack' ? 'msgpack' : 'json' });
    });
    element('csv').addEventListener('click', () => owner.csv());
    for (const tab of document.querySelectorAll<HTMLButtonElement>('[data-panel]')) {
      tab.addEventListener('click', () => panel(tab.dataset['panel']!));
    }
    panel('list');
  }

  show({ interval, interval_ms, transport, format }: Wishes): void {
    for (const [name, button] of this.intervals) {
      button.setAttribute('aria-pressed', String(name === interval));
    }
    this.pace.show(interval_ms);
    this.transport.value = transport ?? '';
    this.format.value = format;
  }
}

/** On a narrow screen list and tape share a place. */
function panel(name: string): void {
  document.body.dataset['panel'] = name;
  for (const tab of document.querySelectorAll<HTMLElement>('[data-panel].tab')) {
    tab.setAttribute('aria-pressed', String(tab.dataset['panel'] === name));
  }
}
