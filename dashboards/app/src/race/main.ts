/**
 * Wires the race page: worker → figures once a frame → lanes; laboratory → bytes, CPU and buttons; both over the last
 * seconds → the headline. Measures nothing itself.
 */
import type { TransportName } from '@tickcast/client';
import { allSimulated, loadSymbols } from '../feed/symbols.ts';
import { element, write } from '../frame/elements.ts';
import { startKeys } from '../frame/keys.ts';
import { say } from '../frame/link.ts';
import { nextTheme, startTheme } from '../frame/theme.ts';
import { readWishes, writeWishes, type RaceWishes } from './address.ts';
import { isHere } from './clock.ts';
import { Controls } from './controls.ts';
import { isShared, look, shown, type Look, type Shown } from './figures.ts';
import { duration, headline, type Piece } from './headline.ts';
import { axisEnd, pollTheory } from './histogram.ts';
import { Lab, routes, type LabAnswer, type LabState } from './lab.ts';
import { LaneView, title } from './lane.ts';
import { Status } from './status.ts';
import { LANES, type FromRunner, type LaneFigures, type RaceClock, type ToRunner } from './talk.ts';
import { Trail } from './trail.ts';

const WINDOW_MS = 12_000;
/** All but the ages is looked at whenever the laboratory has answered, or so often where there is none. */
const LOOK_MS = 500;
const STALL_MS = 3000;
/** Lanes of a page that nobody sees are left. */
const HIDDEN_MS = 30_000;
const nowUs = (): number => (performance.timeOrigin + performance.now()) * 1000;

let wishes: RaceWishes = readWishes(location.search);
let lab: LabAnswer | undefined;
let course = '';
let figures: LaneFigures[] = [];
let lookedAt = -Infinity;
/** The laboratory has answered since the last look: its totals and the page's belong together then. */
let labFresh = false;
let hiding: ReturnType<typeof setTimeout> | undefined;
let summary = '';

const reduced = matchMedia('(prefers-reduced-motion: reduce)');
const worker = new Worker(new URL('./worker.ts', import.meta.url), {
  type: 'module',
  name: 'race',
});
const ask = (message: ToRunner): void => worker.postMessage(message);
const trails = new Map(LANES.map((name) => [name, new Trail<Look>(WINDOW_MS)]));
const laboratory = new Lab(heard);
const status = new Status();
const lanes = new Map(
  LANES.map((name) => [
    name,
    new LaneView(name, {
      stall: (name) => void laboratory.lane(name, { stall_ms: STALL_MS }),
      drop: (name) => void laboratory.lane(name, { cut: true }),
    }),
  ]),
);
const controls = new Controls({
  rate: (events_per_s) => anew(laboratory.rate(events_per_s)),
  delay: (delay_ms) => anew(laboratory.lanes({ delay_ms })),
  clients: (clients) => anew(laboratory.lanes({ clients, poll_ms: wishes.poll_ms })),
  poll: (poll_ms) => wish({ poll_ms }),
  symbol: (symbol) => wish({ symbol }),
  mode: (mode) => wish({ mode }),
});

/** Something has changed: what was measured before belongs to something else. */
function anew(pressed?: Promise<void>): void {
  const forget = (): void => {
    for (const trail of trails.values()) trail.forget();
  };
  forget();
  void pressed?.then(forget);
}

function wish(some: Partial<RaceWishes>): void {
  wishes = { ...wishes, ...some };
  history.replaceState(null, '', location.pathname + writeWishes(wishes));
  run();
}

/** Says the course to the worker, if it is another one. */
function run(): void {
  const { symbol, mode, poll_ms } = wishes;
  if (!symbol || !lab || lab === 'away') return;
  controls.wished(symbol, mode, poll_ms);
  const next = {
    routes: routes(lab, location),
    ...{ symbol, mode, poll_ms },
    oneClock: isHere(location.hostname),
  };
  if (JSON.stringify(next) === course) return;
  course = JSON.stringify(next);
  ask({ ask: 'course', course: next });
  anew();
}

function heard(answer: LabAnswer): void {
  lab = answer;
  labFresh = true;
  status.lab(answer);
  if (answer === 'away') return;
  controls.lab(answer);
  for (const lane of lanes.values()) lane.pressable(answer !== 'none');
  element('no-lab').hidden = answer !== 'none';
  run();
}

function labOf(name: TransportName) {
  return isState(lab) ? lab.lanes.find((lane) => lane.name === name) : undefined;
}

function isState(answer: LabAnswer | undefined): answer is LabState {
  return typeof answer === 'object';
}

/** Twice a second: everything but the ages. */
function lookAt(all: readonly LaneFigures[], clock: RaceClock): void {
  const now_ms = performance.now();
  const known = new Map<TransportName, Shown>();
  for (const lane of all) {
    const trail = trails.get(lane.name)!;
    const seen = look(lane, labOf(lane.name));
    if (seen) trail.note(now_ms, seen);
    const span = trail.span();
    if (span) known.set(lane.name, shown(span.from, span.to, span.seconds));
    lanes.get(lane.name)!.state(lane.state, labOf(lane.name)?.stalled_ms ?? 0, now_ms);
  }
  const delay_ms = labOf('poll')?.delay_ms ?? 0;
  const end_ms = axisEnd(wishes.poll_ms, delay_ms);
  status.axis(end_ms);
  for (const [name, now] of known) {
    const answer_ms = Number.isFinite(now.answer_ms) ? now.answer_ms : 2 * delay_ms;
    const theory = name === 'poll' ? pollTheory(wishes.poll_ms, answer_ms) : delay_ms;
    lanes.get(name)!.figures(now, known.get('ws'), { end_ms, theory }, reduced.matches);
  }
  const { title, more } = headline(Object.fromEntries(known), wishes.poll_ms);
  summary = [...title, more].map((line) => line.map(({ text }) => text).join('')).join(' ');
  const [first = [], second = []] = title;
  sentence(element('headline-polling'), first);
  sentence(element('headline-pushing'), second);
  sentence(element('aside'), more);
  status.live(all.map(({ state }) => state));
  const span = trails.get('ws')!.span();
  const isBoth = span !== undefined && isShared(span.from, span.to);
  status.measured(clock, isState(lab), isBoth, span?.seconds ?? 0);
  status.events(wishes.symbol ?? '', known.get('ws')?.updates_s);
}

function sentence(target: HTMLElement, pieces: readonly Piece[]): void {
  const key = JSON.stringify(pieces);
  if (target.dataset['text'] === key) return;
  target.dataset['text'] = key;
  target.replaceChildren(
    ...pieces.map(({ text, strong }) => {
      if (!strong) return document.createTextNode(text);
      const mark = document.createElement('strong');
      mark.className = strong;
      mark.textContent = text;
      return mark;
    }),
  );
}

function hear(message: FromRunner): void {
  const now_ms = performance.now();
  switch (message.say) {
    case 'figures':
      figures = message.lanes;
      if (figures[0]?.bins) lookAt(figures, message.clock);
      return;
    case 'left':
      say(`${title(message.name)} lost its connection.`);
      return;
    case 'back': {
      const { outcome, lost, away_ms } = message;
      const missed = lost > 0 ? `${lost} missed` : 'nothing missed';
      const how = outcome === 'snapshot' ? 'back, from a snapshot' : `resumed, ${missed}`;
      lanes.get(message.name)!.say(`${how} (away ${duration(away_ms)})`, now_ms);
      say(`${title(message.name)} ${how}.`);
    }
  }
}

function frame(): void {
  const now_ms = performance.now();
  const looks = isState(lab) ? labFresh : now_ms - lookedAt >= LOOK_MS;
  if (looks) lookedAt = now_ms;
  labFresh &&= !looks;
  const still = reduced.matches;
  const now_us = nowUs();
  for (const { name, due_us, price, places } of figures) {
    const lane = lanes.get(name)!;
    if (!still || looks) lane.age(Math.max(0, (now_us - due_us) / 1000), still);
    lane.quote(price, places);
  }
  ask({ ask: 'take', bins: looks });
  requestAnimationFrame(frame);
}

function visible(): void {
  clearTimeout(hiding);
  if (document.hidden) hiding = setTimeout(() => ask({ ask: 'run', run: false }), HIDDEN_MS);
  else {
    ask({ ask: 'run', run: true });
    anew();
  }
}

async function list(): Promise<void> {
  const symbols = await loadSymbols('/v1/symbols');
  element('note').hidden = !allSimulated(symbols);
  controls.symbols(symbols);
  wishes = { ...wishes, symbol: wishes.symbol ?? symbols[0]?.S };
  write(element('title-symbol'), wishes.symbol ?? '');
  run();
}

worker.onmessage = ({ data }: MessageEvent<FromRunner>) => hear(data);
element('lanes').append(...[...lanes.values()].map(({ root }) => root));
startTheme();
startKeys({ t: nextTheme, s: () => say(summary) });
document.addEventListener('visibilitychange', visible);
void laboratory.start();
void list();
requestAnimationFrame(frame);
