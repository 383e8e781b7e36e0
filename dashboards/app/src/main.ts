/**
 * Wires the page: client → store → one paint per animation frame. Messages never wait in a queue: they are merged into the
 * store as they come, and however many there were, the next frame paints the visible rows once.
 */
import {
  FeedClient,
  reconnectOnWake,
  type Heartbeat,
  type LostRange,
  type SymbolRow,
} from '@tickcast/client';
import { readAddress, withTyped } from './address.ts';
import { asked, filterRows } from './filter.ts';
import { count } from './format.ts';
import { Header } from './header.ts';
import { Median, Rates } from './rates.ts';
import { Store } from './store.ts';
import { Subscriber } from './subscriber.ts';
import { allSimulated, loadSymbols, sameNames, withoutRemark } from './symbols.ts';
import { Table } from './table.ts';
import type { Health } from './words.ts';

const AGES_MS = 500;
const nowUs = (): number => (performance.timeOrigin + performance.now()) * 1000;

const wishes = readAddress(location.search);
const search = document.getElementById('search') as HTMLInputElement;
const empty = document.getElementById('empty')!;

const store = new Store();
const header = new Header();
const latency = new Median();
const rates = new Rates<'received' | 'merged' | 'painted'>();
const client = new FeedClient({
  url: `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/v1/ws`,
  format: wishes.format,
});
const subscriber = new Subscriber(client);
const table = new Table(
  store,
  document.getElementById('rows')!,
  document.getElementById('canvas')!,
  () => {
    subscriber.moved();
    repaint();
  },
);

let painted = 0;
let scheduled = false;
let heartbeat: Heartbeat | undefined;
let met = false;
let listed = false;
let lastGap = '';
let epoch: string | undefined;

function repaint(): void {
  if (scheduled) return;
  scheduled = true;
  requestAnimationFrame(() => {
    scheduled = false;
    painted += table.paint(nowUs());
  });
}

function filter(rewind: boolean): void {
  const view = filterRows(store.names, store.titles, search.value);
  table.show(view as Uint32Array<ArrayBuffer>, rewind);
  empty.hidden = view.length > 0;
  empty.textContent = listed
    ? `No symbol or name contains “${search.value.trim()}”.`
    : 'Waiting for the list of symbols …';
  const all = count(store.size);
  header.facts({
    symbols: view.length === store.size ? all : `${count(view.length)} of ${all}`,
  });
}

function health(): void {
  const state: Health = { status: client.status, heartbeat, met, host: location.host };
  header.health(state, Date.now());
}

function listenToClient(): void {
  client.on('state', (status) => {
    if (status.state === 'live') met = true;
    else heartbeat = undefined;
    health();
  });
  client.on('frame', (messages, received_us) => {
    let newest = 0;
    for (const message of messages) {
      if (message.T === 'heartbeat') heartbeat = message;
      else if (message.T === 'welcome') greeted(message.epoch);
      else if ('o' in message && !message.snap && message.ts > newest) newest = message.ts;
    }
    const offset = client.offset;
    if (newest > 0 && offset) latency.add(received_us + offset.offset_us - newest);
    if (store.apply(messages, received_us)) filter(false);
    repaint();
  });
  client.on('gap', (lost: LostRange) => {
    store.hole(lost);
    lastGap = `${lost.S} ${lost.ch} ${lost.from} to ${lost.to} (${lost.why})`;
    header.gaps(store.gaps, lastGap, Date.now());
    repaint();
  });
  client.on('error', (error) => console.warn('feed:', 'msg' in error ? error.msg : error.message));
}

function listenToReader(): void {
  search.value = wishes.typed;
  search.addEventListener('input', () => {
    filter(true);
    const query = withTyped(location.search, search.value.trim());
    history.replaceState(null, '', location.pathname + query + location.hash);
  });
  document.addEventListener('keydown', (event) => {
    const typing = document.activeElement === search;
    if (event.key === '/' && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      search.select();
    } else if (event.key === 'Escape' && typing && search.value !== '') {
      search.value = '';
      search.dispatchEvent(new Event('input'));
    }
  });
}

function everySecond(): void {
  const { received, merged } = store;
  const now = rates.look({ received, merged, painted }, performance.now());
  if (now) {
    header.facts({
      received: `${count(now.received)}/s`,
      merged: `${count(now.merged)}/s`,
      painted: `${count(now.painted)}/s`,
    });
  }
  header.latency(latency.take(), client.offset);
  header.gaps(store.gaps, lastGap, Date.now());
}

/** The symbols that this page is about. */
async function wantedSymbols(): Promise<SymbolRow[]> {
  const symbols = await loadSymbols('/v1/symbols');
  return symbols.filter((symbol) => asked(symbol.S, wishes.symbols));
}

async function listSymbols(): Promise<void> {
  const wanted = await wantedSymbols();
  listed = true;
  const simulated = allSimulated(wanted);
  document.getElementById('note')!.hidden = !simulated;
  store.describe(simulated ? withoutRemark(wanted) : wanted);
  filter(false);
  table.paint(nowUs());
  subscriber.start(wishes.symbols, wanted.length, (around) => table.visible(around));
}

/** A server that came back with other symbols has nothing to send for the old ones: the page starts over. */
function greeted(by: string): void {
  const restarted = epoch !== undefined && epoch !== by;
  epoch = by;
  if (!restarted || !listed) return;
  void wantedSymbols().then((now) => {
    if (!sameNames(store.names, now)) location.reload();
  });
}

listenToClient();
listenToReader();
filter(false);
reconnectOnWake(client);
client.connect();
setInterval(() => {
  health();
  repaint();
}, AGES_MS);
setInterval(everySecond, 1000);
void listSymbols();
