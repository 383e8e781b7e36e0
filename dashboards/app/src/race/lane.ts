/**
 * One lane on the page: name and price, age in large and as a bar that grows, what was late by how much, what it costs, and
 * two buttons. The age is painted every frame, everything else twice a second.
 */
import { formatPrice, type TransportName } from '@tickcast/client';
import { mark, part, write } from '../frame/elements.ts';
import { bytes, count } from '../frame/format.ts';
import type { Shown } from './figures.ts';
import { duration, figure } from './headline.ts';
import { Plot, type Axis } from './plot.ts';

const TITLES: Record<TransportName, [title: string, what: string]> = {
  ws: ['WebSocket', 'one connection, pushed'],
  sse: ['SSE', 'one response, pushed'],
  stream: ['HTTP stream', 'one response, pushed'],
  longpoll: ['Long polling', 'ask, and wait for news'],
  poll: ['Polling', 'ask again and again'],
};
const STATES: Record<string, string> = {
  connecting: 'connecting …',
  stale: 'silent',
  reconnecting: 'connection lost, coming back',
  closed: 'closed',
};
/** Lanes whose only request is the one that opens them; one or two in a window are that, more are trouble. */
const ONE_REQUEST: readonly TransportName[] = ['ws', 'sse', 'stream'];
const STAYING = 0.25;
/** Notes of what has happened stay so long. */
const NOTE_MS = 8000;
/** So many times WebSocket's bytes stand out. */
const DEAR = 1.4;

export function title(name: TransportName): string {
  return TITLES[name][0];
}

export interface LaneOwner {
  stall(name: TransportName): void;
  drop(name: TransportName): void;
}

export class LaneView {
  readonly root: HTMLLIElement = document.createElement('li');
  private readonly price = part('span', 'lane-price');
  private readonly note = part('span', 'lane-note');
  private readonly number = part('b', 'lane-number');
  private readonly unit = part('span', 'lane-unit');
  private readonly mean = part('span', 'lane-mean');
  private readonly facts = new Map<string, [value: HTMLElement, more: HTMLElement]>();
  private readonly buttons: HTMLButtonElement[];
  private readonly plot: Plot;
  private noteUntil = 0;

  constructor(
    readonly name: TransportName,
    owner: LaneOwner,
  ) {
    this.root.className = 'lane';
    this.root.dataset['lane'] = name;
    const heading = part('h2', 'lane-title');
    heading.textContent = title(name);
    const what = part('span', 'lane-what');
    what.textContent = TITLES[name][1];
    this.plot = new Plot(title(name));
    this.buttons = [
      button('Stall 3 s', `Stall 3 s: ${title(name)}`, () => owner.stall(name)),
      button('Drop', `Drop: ${title(name)}`, () => owner.drop(name)),
    ];
    const facts = document.createElement('dl');
    facts.className = 'lane-facts';
    facts.append(...FACTS.map(([key, label]) => this.fact(key, label)));
    this.root.append(
      part('div', 'lane-name', heading, what, this.note),
      part('div', 'lane-quote', this.price),
      part('div', 'lane-age', part('span', 'lane-now', this.number, this.unit), this.mean),
      this.plot.root,
      facts,
      part('div', 'lane-buttons', ...this.buttons),
    );
    this.age(NaN, false);
  }

  /** Every frame; `still` shows the number without a moving bar. */
  age(ms: number, still: boolean): void {
    const [number, unit] = ageText(ms);
    write(this.number, number);
    write(this.unit, unit);
    mark(
      this.root,
      'age',
      Number.isNaN(ms) ? 'none' : ms < 100 ? 'fresh' : ms < 400 ? 'aged' : 'old',
    );
    if (!still) this.plot.bar(ms);
  }

  quote(price: number, places: number): void {
    write(this.price, Number.isNaN(price) ? '–' : formatPrice(price, places));
  }

  /** What is going on: a state that is not live, a stall, or what happened last. */
  state(state: string, stalled_ms: number, now_ms: number): void {
    mark(this.root, 'state', stalled_ms > 0 ? 'stalled' : state);
    if (state !== 'live') write(this.note, STATES[state] ?? state);
    else if (stalled_ms > 0) write(this.note, `stalled, ${(stalled_ms / 1000).toFixed(0)} s left`);
    else if (now_ms > this.noteUntil) write(this.note, '');
  }

  say(text: string, now_ms: number): void {
    this.noteUntil = now_ms + NOTE_MS;
    write(this.note, text);
  }

  pressable(is: boolean): void {
    for (const one of this.buttons) one.disabled = !is;
  }

  figures(now: Shown, against: Shown | undefined, axis: Axis, still: boolean): void {
    write(this.mean, Number.isNaN(now.age_ms) ? '' : `mean ${duration(now.age_ms)}`);
    this.fill('late', duration(now.p50_ms), `p99 ${duration(now.p99_ms)}`);
    const stays = ONE_REQUEST.includes(this.name) && now.requests_s < STAYING;
    this.fill('requests', figure(now.requests_s), stays ? 'stays open' : '');
    const ratio = against && against !== now ? now.bytes_s / against.bytes_s : NaN;
    this.fill('bytes', Number.isFinite(now.bytes_s) ? bytes(now.bytes_s) : '–', more(ratio));
    mark(this.root, 'dear', String(ratio >= DEAR));
    this.fill('update', Number.isFinite(now.bytes_update) ? bytes(now.bytes_update) : '–', '');
    this.fill('cpu', Number.isFinite(now.cpu_us) ? `${figure(now.cpu_us)} µs` : '–', '');
    this.fill('missed', count(now.missed), now.merged > 0 ? `${count(now.merged)} merged` : '');
    mark(this.root, 'missed', String(now.missed > 0));
    this.plot.draw(now, axis);
    if (still) this.plot.bar(now.age_ms);
  }

  private fill(key: string, value: string, more: string): void {
    const [first, second] = this.facts.get(key)!;
    write(first, value);
    write(second, more);
  }

  private fact(key: string, label: string): HTMLElement {
    const term = document.createElement('dt');
    term.textContent = label;
    const [value, more] = [part('span', 'fact-value'), part('span', 'fact-more')];
    write(value, '–');
    const description = document.createElement('dd');
    description.append(value, more);
    this.facts.set(key, [value, more]);
    return part('div', `fact fact-${key}`, term, description);
  }
}

/** Of the facts, and of the columns where there is room for all of them. */
const FACTS: readonly [string, string][] = [
  ['late', 'Late by'],
  ['requests', 'Requests/s'],
  ['bytes', 'Bytes/s'],
  ['update', 'Bytes an update'],
  ['cpu', 'Server CPU an update'],
  ['missed', 'Missed'],
];

/** `8.4 × WebSocket`, where there is something to compare with. */
function more(ratio: number): string {
  if (!Number.isFinite(ratio)) return '';
  return ratio > 0.9 && ratio < 1.1 ? 'as WebSocket' : `${figure(ratio)} × WebSocket`;
}

/** The number and its unit, four digits at most. */
export function ageText(ms: number): [string, string] {
  if (Number.isNaN(ms)) return ['–', ''];
  const whole = Math.max(0, Math.round(ms));
  if (whole < 10_000) return [whole.toLocaleString('en-US'), 'ms'];
  return [(whole / 1000).toFixed(1), 's'];
}

function button(text: string, label: string, press: () => void): HTMLButtonElement {
  const made = document.createElement('button');
  made.type = 'button';
  made.textContent = text;
  made.setAttribute('aria-label', label);
  made.addEventListener('click', press);
  return made;
}
