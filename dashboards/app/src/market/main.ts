/**
 * Wires the market page: worker → one batch a frame → store → the visible rows, chart, tape and head, painted once. What is
 * shown stands in the address; everything else is a default.
 */
import type { SymbolRow } from '@tickcast/client';
import { Feed } from '../feed/feed.ts';
import { Rates } from '../feed/rates.ts';
import { allSimulated, sameSymbols, withoutRemark } from '../feed/symbols.ts';
import type { Batch, Figures } from '../feed/talk.ts';
import { element, write } from '../frame/elements.ts';
import { count } from '../frame/format.ts';
import { startKeys } from '../frame/keys.ts';
import { LinkView, say } from '../frame/link.ts';
import { nextTheme, startTheme } from '../frame/theme.ts';
import type { Health } from '../frame/words.ts';
import { INTERVALS, readAddress, writeAddress, type Wishes } from './address.ts';
import { Chart } from './chart/chart.ts';
import { Controls } from './controls.ts';
import { RESORT_MS, Watchlist } from './list/watchlist.ts';
import { QuoteHead } from './quote.ts';
import { Store } from './store.ts';
import { Tape } from './tape.ts';

const STATE_MS = 500;
const nowUs = (): number => (performance.timeOrigin + performance.now()) * 1000;

let wishes: Wishes = readAddress(location.search);
let symbols: SymbolRow[] = [];
let painted = 0;
let health: Health | undefined;
let frames = { count: 0, at_ms: 0 };

const store = new Store();
const feed = new Feed(paint);
const link = new LinkView();
const head = new QuoteHead(store);
const tape = new Tape();
const chart = new Chart(feed);
const rates = new Rates<'received' | 'merged' | 'painted'>();
const watchlist = new Watchlist(store, {
  choose: (symbol) => wish({ symbol }, true),
  seen: (names) => {
    feed.tell({ ask: 'watch', names });
    feed.tell({ ask: 'sparks', names });
  },
  repaint: () => feed.repaint(),
  waits: () => feed.soon(),
  changed: (typed, order) => {
    if (watchlist.sortsByValue) feed.tell({ ask: 'days' });
    wish({ typed, order }, false);
  },
});
const controls = new Controls({
  wish: (some) => wish(some, some.interval !== undefined),
  csv: save,
});

function paint(batch: Batch | undefined): void {
  const now_ms = Date.now();
  if (batch) {
    store.apply(batch.rows, now_ms);
    if (batch.bars.length > 0) {
      feed.next(() => {
        if (chart.stream(batch.chart, batch.bars, batch.barsLost)) painted += 1;
      });
    }
    painted += tape.paint(batch.tape);
  }
  painted += head.paint(batch?.quote, now_ms);
  painted += watchlist.paint(now_ms);
}

/** Something else is wanted: the address says so, and the page shows it. `step` makes it one that Back returns from. */
function wish(some: Partial<Wishes>, step: boolean): void {
  const before = wishes;
  wishes = { ...wishes, ...some };
  const address = location.pathname + writeAddress(wishes) + location.hash;
  if (address === location.pathname + location.search + location.hash) return;
  history[step ? 'pushState' : 'replaceState'](null, '', address);
  apply(before);
}

function apply(before: Wishes): void {
  controls.show(wishes);
  const { symbol, interval, interval_ms, format, transport } = wishes;
  if (interval_ms !== before.interval_ms) feed.tell({ ask: 'pace', interval_ms });
  if (symbol !== before.symbol || interval !== before.interval) show(false);
  if (format !== before.format || transport !== before.transport) {
    feed.tell({ ask: 'route', route: { format, transport } });
  }
}

/** The chosen symbol, or the first one; nothing before the symbols are known. */
function show(reveal: boolean): void {
  const found = store.row(wishes.symbol ?? '');
  // An address never names another symbol than is shown.
  if (wishes.symbol && store.size > 0 && found === undefined)
    return wish({ symbol: undefined }, false);
  const row = found ?? 0;
  if (row >= store.size) return;
  const symbol = store.names[row]!;
  const places = store.places[row]!;
  watchlist.choose(symbol, reveal);
  head.begin(row);
  tape.begin(places);
  chart.show({ symbol, places, interval: wishes.interval });
  document.title = `${symbol} · Tickcast`;
  say(head.summary() || `${symbol}, ${wishes.interval}.`);
  feed.repaint();
}

function listed(listed: SymbolRow[], restarted: boolean): void {
  const simulated = allSimulated(listed);
  element('note').hidden = !simulated;
  if (restarted && !sameSymbols(symbols, listed)) return location.reload();
  symbols = listed;
  if (!restarted) {
    store.describe(simulated ? withoutRemark(listed) : listed);
    watchlist.reset();
  }
  feed.tell({ ask: 'days' });
  feed.tell({ ask: 'sparks', names: watchlist.seenNames });
  show(true);
}

function state(): void {
  if (!health) return;
  health.online = navigator.onLine;
  health.silent_ms = performance.now() - frames.at_ms;
  link.health(health, Date.now());
}

function figures(figures: Figures): void {
  link.figures(figures);
  if (health) health.heartbeat = figures.heartbeat;
  if (figures.stats.frames !== frames.count) {
    frames = { count: figures.stats.frames, at_ms: performance.now() };
  }
  const { received, merged } = figures;
  const now = rates.look({ received, merged, painted }, performance.now());
  if (!now) return;
  for (const name of ['received', 'merged', 'painted'] as const) {
    write(element(`fact-${name}`), `${count(Math.max(0, now[name]))}/s`);
  }
}

function listen(): void {
  feed.on('symbols', ({ symbols, restarted }) => listed(symbols, restarted));
  feed.on('status', ({ status, paused }) => {
    const met = status.state === 'live' || (health?.met ?? false);
    health = { status, paused, met, online: navigator.onLine, host: location.host };
    state();
  });
  feed.on('figures', (message) => figures(message.figures));
  feed.on('spark', ({ row, closes }) => {
    store.spark(row, closes);
    feed.repaint();
  });
  feed.on('days', ({ days }) => {
    store.applyDays(days, (row) => Date.now() - store.at[row]! < RESORT_MS);
    if (watchlist.sortsByValue) watchlist.arrange(false);
    feed.repaint();
  });
  feed.on('gap', ({ lost }) => {
    store.hole(lost);
    if (lost.S === chart.symbol && lost.ch === 'trades') chart.gap(lost, nowUs());
    gaps(`${lost.S} ${lost.ch} ${lost.from} to ${lost.to} (${lost.why})`);
    feed.repaint();
  });
  feed.on('resumed', ({ outcome, from_us, to_us }) => {
    chart.resumed(outcome, from_us, to_us);
    if (outcome !== 'snapshot') return; // holes of single symbols are told one by one
    store.gaps += 1;
    gaps('the server has started again: nobody knows what happened in between');
  });
  feed.on('warning', ({ text }) => console.info('feed:', text));
  window.addEventListener('popstate', () => {
    const before = wishes;
    wishes = readAddress(location.search);
    apply(before);
  });
  for (const change of ['online', 'offline']) window.addEventListener(change, state);
}

/** How many gaps there were, and what the last one was. */
function gaps(last: string): void {
  const facts = element('facts');
  facts.dataset['gaps'] = 'some';
  facts.querySelector<HTMLElement>('.gaps')!.title = `The last one: ${last}`;
  write(element('fact-gaps'), count(store.gaps));
}

function save(): void {
  const { name, text } = chart.csv();
  const address = URL.createObjectURL(new Blob([text], { type: 'text/csv' }));
  const anchor = Object.assign(document.createElement('a'), { href: address, download: name });
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(address));
}

function keys(): void {
  const intervals = INTERVALS.map((interval, i) => [
    String(i + 1),
    () => wish({ interval }, true),
  ]) as [string, () => void][];
  startKeys({
    ...Object.fromEntries(intervals),
    '/': () => watchlist.focusSearch(),
    j: () => watchlist.step(1),
    k: () => watchlist.step(-1),
    c: () => chart.focus(),
    l: () => chart.live(),
    s: () => say(`${head.summary()} `.trim()),
    t: nextTheme,
  });
}

listen();
keys();
startTheme();
controls.show(wishes);
watchlist.restore(wishes.typed, wishes.order);
watchlist.arrange(true);
feed.open(location.origin, { format: wishes.format, transport: wishes.transport });
feed.tell({ ask: 'pace', interval_ms: wishes.interval_ms });
setInterval(state, STATE_MS);
setInterval(() => {
  if (watchlist.sortsByValue && !document.hidden) feed.tell({ ask: 'days' });
  feed.repaint();
}, RESORT_MS);
