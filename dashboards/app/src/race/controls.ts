/**
 * What can be set: symbol, what is sent, event rate, how often is polled, added delay, clients behind each lane. Sliders step
 * through round values; where the server stands between two, the nearest is shown with the server's own figure beside it.
 */
import type { SymbolRow } from '@tickcast/client';
import { element, write } from '../frame/elements.ts';
import { count } from '../frame/format.ts';
import type { LabState } from './lab.ts';
import type { Mode } from './talk.ts';

export const RATES = [10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000];
export const POLLS_MS = [100, 200, 500, 1000, 2000, 5000, 10_000];
export const DELAYS_MS = [0, 5, 10, 20, 50, 100, 200, 500];
export const CROWDS = [0, 10, 50, 100, 200, 500, 1000, 2000, 5000];
/** Symbols offered; more are reached by the address. */
const OFFERED = 40;
/** A slider that is being moved is left alone for this time. */
const HELD_MS = 1500;
/** Buttons are pressed on the server when the slider has rested for this time. */
const REST_MS = 150;

export interface ControlsOwner {
  rate(events_per_s: number): void;
  poll(ms: number): void;
  delay(ms: number): void;
  clients(count: number): void;
  symbol(symbol: string): void;
  mode(mode: Mode): void;
}

export class Controls {
  private readonly rate: Slider;
  private readonly poll: Slider;
  private readonly delay: Slider;
  private readonly clients: Slider;
  private readonly symbol = element<HTMLSelectElement>('symbol');
  private readonly modes = [...document.querySelectorAll<HTMLButtonElement>('[data-mode]')];

  constructor(owner: ControlsOwner) {
    this.rate = new Slider('rate', RATES, (value) => `${count(value)}/s`, owner.rate);
    this.poll = new Slider('poll', POLLS_MS, every, owner.poll);
    this.delay = new Slider('delay', DELAYS_MS, (ms) => (ms ? `${ms} ms` : 'none'), owner.delay);
    this.clients = new Slider(
      'clients',
      CROWDS,
      (n) => (n ? count(n) : 'this page'),
      owner.clients,
    );
    this.symbol.addEventListener('change', () => owner.symbol(this.symbol.value));
    for (const one of this.modes) {
      one.addEventListener('click', () => owner.mode(one.dataset['mode'] as Mode));
    }
    this.lab('none');
  }

  wished(symbol: string, mode: Mode, poll_ms: number): void {
    if (![...this.symbol.options].some(({ value }) => value === symbol)) {
      this.symbol.append(new Option(symbol, symbol));
    }
    this.symbol.value = symbol;
    for (const one of this.modes) {
      one.setAttribute('aria-pressed', String(one.dataset['mode'] === mode));
    }
    this.poll.show(poll_ms);
  }

  symbols(all: readonly SymbolRow[]): void {
    const { value } = this.symbol;
    const offered = all.slice(0, OFFERED).map(({ S }) => new Option(S, S));
    if (value && !offered.some((option) => option.value === value)) {
      offered.push(new Option(value, value));
    }
    this.symbol.replaceChildren(...offered);
    if (value) this.symbol.value = value;
  }

  /** Where the server's buttons stand. */
  lab(lab: LabState | 'none'): void {
    const is = lab !== 'none';
    this.rate.possible(is);
    this.delay.possible(is);
    this.clients.possible(is && lab.crowd_possible);
    const reason = is && !lab.crowd_possible ? 'needs the load-tester beside the server' : '';
    element('clients').title = reason;
    if (!is) return;
    this.rate.show(lab.rate);
    this.delay.show(Math.max(...lab.lanes.map(({ delay_ms }) => delay_ms)));
    this.clients.show(Math.max(...lab.lanes.map(({ clients }) => clients)));
  }
}

class Slider {
  private readonly input: HTMLInputElement;
  private readonly output: HTMLElement;
  private movedAt = -Infinity;
  private resting: ReturnType<typeof setTimeout> | undefined;

  constructor(
    id: string,
    private readonly values: readonly number[],
    private readonly text: (value: number) => string,
    moved: (value: number) => void,
  ) {
    this.input = element<HTMLInputElement>(id);
    this.output = element(`${id}-text`);
    this.input.max = String(values.length - 1);
    this.input.addEventListener('input', () => {
      const value = values[Number(this.input.value)]!;
      this.movedAt = performance.now();
      this.say(value);
      clearTimeout(this.resting);
      this.resting = setTimeout(() => moved(value), REST_MS);
    });
  }

  show(value: number): void {
    if (performance.now() - this.movedAt < HELD_MS) return;
    this.input.value = String(nearest(this.values, value));
    this.say(value);
  }

  possible(is: boolean): void {
    this.input.disabled = !is;
    if (!is) write(this.output, '–');
  }

  private say(value: number): void {
    write(this.output, this.text(value));
    this.input.setAttribute('aria-valuetext', this.text(value));
  }
}

/** The place of the value nearest by ratio; 0 is its own place. */
export function nearest(values: readonly number[], value: number): number {
  const distance = (one: number): number =>
    one === 0 || value === 0 ? Math.abs(one - value) * 1e6 : Math.abs(Math.log(one / value));
  return values.reduce((best, one, i) => (distance(one) < distance(values[best]!) ? i : best), 0);
}

function every(ms: number): string {
  return ms < 1000 ? `${ms} ms` : `${ms / 1000} s`;
}
