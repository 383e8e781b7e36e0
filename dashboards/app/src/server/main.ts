/**
 * Wires the server page: one scrape of `/lab/metrics` a second → panels, figures, sentence. Keeps five minutes; the server
 * keeps none, so it begins empty.
 */
import { onTheme } from '../frame/colours.ts';
import { element, mark, part, write } from '../frame/elements.ts';
import { startKeys } from '../frame/keys.ts';
import { say } from '../frame/link.ts';
import { seenAgain } from '../frame/seen.ts';
import { nextTheme, startTheme } from '../frame/theme.ts';
import { Chart } from './chart.ts';
import { parse, type Scrape } from './openmetrics.ts';
import { PANELS } from './panels.ts';
import { summary, type Tile } from './summary.ts';

const EVERY_MS = 1000;
/** The figures are of so many scrapes, so that they can be read. */
const LOOKS = 5;
/** Lines are of so many, so that one poll a second does not show as none and two. */
const SMOOTH = 3;

let charts: Chart[] = [];
let scrapes: Scrape[] = [];
let spoken = '';
const tiles = new Map<string, [root: HTMLElement, value: HTMLElement, more: HTMLElement]>();

async function scrape(): Promise<'live' | 'none' | 'away'> {
  try {
    const answer = await fetch('/lab/metrics', { cache: 'no-store' });
    if (answer.status === 404) return 'none';
    if (!answer.ok) return 'away';
    take(parse(await answer.text(), performance.now() / 1000));
    return 'live';
  } catch {
    return 'away';
  }
}

function take(now: Scrape): void {
  if (charts.length === 0) build(now);
  const before = scrapes.at(-SMOOTH) ?? scrapes[0];
  scrapes = [...scrapes, now].slice(-LOOKS - 1);
  if (!before) return;
  for (const chart of charts) {
    chart.add(
      now.at,
      chart.lines.map((line) => line.of(before, now)),
    );
  }
  const { sentence, tone, tiles } = summary(scrapes[0]!, now);
  write(element('sentence'), sentence);
  mark(element('sentence'), 'tone', tone);
  spoken = [sentence, ...tiles.map(({ title, value, more }) => `${title}: ${value} ${more}.`)].join(
    ' ',
  );
  tiles.forEach(tile);
}

/** The server is away: lines get a hole there, and rates do not span it. */
function hole(): void {
  if (scrapes.length === 0) return;
  scrapes = [];
  for (const chart of charts) chart.add(performance.now() / 1000, []);
}

function build(now: Scrape): void {
  charts = PANELS.map((panel) => new Chart(panel, panel.lines(now)));
  element('panels').replaceChildren(...charts.map(({ root }) => root));
  for (const chart of charts) chart.begin();
}

function tile({ id, title, value, more, tone }: Tile): void {
  let parts = tiles.get(id);
  if (!parts) {
    const term = document.createElement('dt');
    term.textContent = title;
    const [shown, small] = [part('span', 'tile-value'), part('span', 'tile-more')];
    const description = document.createElement('dd');
    description.append(shown, small);
    const root = part('div', 'tile', term, description);
    root.dataset['tile'] = id;
    element('tiles').append(root);
    parts = [root, shown, small];
    tiles.set(id, parts);
  }
  write(parts[1], value);
  write(parts[2], more);
  mark(parts[0], 'tone', tone);
}

function stateIs(state: 'live' | 'none' | 'away'): void {
  element('no-lab').hidden = state !== 'none';
  element('body').hidden = state === 'none';
  const texts = { live: 'Live', none: 'No laboratory', away: 'No server' };
  const text = texts[state];
  if (element('pill-text').textContent !== text && state !== 'none') say(`${text}.`);
  write(element('pill-text'), text);
  mark(element('pill'), 'state', { live: 'live', none: 'stale', away: 'closed' }[state]);
  const notice = element('notice');
  notice.hidden = state !== 'away';
  if (state !== 'away' || notice.firstChild) return;
  const command = document.createElement('code');
  command.textContent = 'make run';
  notice.append(
    `No server answers at ${location.host}. Start it with `,
    command,
    '; the page goes on by itself once it is up.',
  );
}

async function run(): Promise<never> {
  for (;;) {
    const begun = performance.now();
    const state = await scrape();
    stateIs(state);
    if (state === 'away') hole();
    if (state === 'none') await seenAgain();
    const rest = EVERY_MS - (performance.now() - begun);
    await new Promise((resolve) => setTimeout(resolve, Math.max(50, rest)));
  }
}

startTheme();
startKeys({ t: nextTheme, s: () => say(spoken) });
onTheme(() => charts.forEach((chart) => chart.recolour()));
void run();
