/** The chart adapters against the real server: what they draw is what `/v1/bars` says, to the last digit. */
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { FeedClient, formatPrice, type Bar } from '../../src/index.ts';
import { CandleFeed, type GapMark } from '../../src/lightweight_charts.ts';
import { Datafeed, type LibraryBar, type LibrarySymbol } from '../../src/tradingview.ts';
import { BadProxy } from './bad_proxy.ts';
import { FeedServer } from './feed_server.ts';
import { Ledger } from './ledger.ts';

interface Point {
  time: number;
  [key: string]: number;
}

/** Takes data as the library does: times never go back. */
class FakeSeries {
  points: Point[] = [];
  updates = 0;

  setData(points: Point[]): void {
    points.forEach((point, i) => {
      if (i > 0 && point.time <= points[i - 1]!.time) throw new Error('times must increase');
    });
    this.points = [...points];
  }

  update(point: Point): void {
    const last = this.points.at(-1);
    if (last && point.time < last.time) throw new Error('cannot update oldest data');
    if (last?.time === point.time) this.points.pop();
    this.points.push(point);
    this.updates += 1;
  }
}

let server: FeedServer;
let proxy: BadProxy;
let ledger: Ledger;
let symbol: string;

beforeAll(async () => {
  server = await FeedServer.start(['--symbols', '5', '--rate', '500']);
  proxy = await BadProxy.start(server.port);
  const [row] = await new FeedClient({ url: server.url, transports: ['poll'] }).symbols();
  symbol = row!.S;
});
afterEach(() => ledger.client.close());
afterAll(async () => {
  proxy.close();
  await server.kill();
});

/** What the series show must be what the server has for these times. */
function compare(candles: FakeSeries, volume: FakeSeries, bars: Bar[]): void {
  const finals = bars.filter((bar) => bar.x);
  const drawn = new Map(candles.points.map((point) => [point.time, point]));
  const volumes = new Map(volume.points.map((point) => [point.time, point['value']]));
  for (const bar of finals) {
    const price = (units: number): number => Number(formatPrice(units, bar.places));
    const [open, high, low, close] = [bar.O, bar.H, bar.L, bar.C].map(price);
    const time = bar.ts / 1e6;
    expect(drawn.get(time)).toEqual({ time, open, high, low, close });
    expect(volumes.get(time)).toBe(bar.v);
  }
}

it('candles are those of the server, through a lost connection', async () => {
  ledger = new Ledger({ url: proxy.url, transports: ['ws'], heartbeatMs: 300, firstByteMs: 1000 });
  const { client } = ledger;
  const [candles, volume] = [new FakeSeries(), new FakeSeries()];
  const gaps: GapMark[] = [];
  const marks: object[][] = [];
  const feed = new CandleFeed(client, {
    ...{ symbol, interval: '1s', page: 100 },
    candles: candles as never,
    volume: volume as never,
    markers: { setMarkers: (all: never[]) => void marks.push(all) },
    onGap: (gap) => gaps.push(gap),
  });
  client.connect();
  await ledger.until(
    'history and live bars',
    () => candles.points.length > 90 && candles.updates > 5,
  );
  const before = feed.bars.at(-1)!.ts;
  proxy.refuse = ['/v1/ws'];
  proxy.cut();
  await ledger.until('away for two bars', () => Date.now() * 1000 > before + 3_500_000);
  proxy.refuse = [];
  client.dialNow();
  await ledger.until('backfill', () => gaps.length === 1, 25_000);
  expect(gaps[0]!.filled).toBe(true);
  expect(marks.at(-1)).toHaveLength(1);
  const goal = feed.bars.at(-1)!.ts + 2_000_000;
  await ledger.until('two more bars', () => feed.bars.at(-1)!.ts >= goal);
  const all = await client.bars({ symbol, interval: '1s', from: feed.bars[0]!.ts, to: goal });
  expect(all.length).toBeGreaterThan(90);
  compare(candles, volume, all);

  const oldest = feed.bars[0]!.ts;
  expect(await feed.loadOlder()).toBe(true);
  expect(feed.bars[0]!.ts).toBeLessThan(oldest);
  compare(candles, volume, await client.bars({ symbol, interval: '1s', to: oldest, limit: 100 }));
  feed.close();
});

it('a datafeed finds, resolves, asks and listens as the library expects', async () => {
  ledger = new Ledger({ url: proxy.url, transports: ['ws'] });
  ledger.client.connect();
  const feed = new Datafeed(ledger.client);
  const ready = await new Promise<{ supported_resolutions?: string[] }>((done) =>
    feed.onReady(done),
  );
  expect(ready.supported_resolutions).toContain('1D');
  const found = await new Promise<object[]>((done) =>
    feed.searchSymbols(symbol.toLowerCase(), '', '', done),
  );
  expect(found[0]).toMatchObject({ symbol });
  const info = await new Promise<LibrarySymbol>((done, fail) =>
    feed.resolveSymbol(`Tickcast:${symbol}`, done, fail),
  );
  expect(info).toMatchObject({ name: symbol, minmov: 1, has_seconds: true });
  const unknown = new Promise((done, fail) => feed.resolveSymbol('NOSUCH', done, fail));
  await expect(unknown).rejects.toBe('unknown_symbol');

  const ask = (from: number, to: number): Promise<[LibraryBar[], { noData?: boolean }]> =>
    new Promise((done, fail) => {
      const period = { from, to, countBack: 30, firstDataRequest: true };
      feed.getBars(info, '1', period, (bars, meta) => done([bars, meta]), fail);
    });
  const now = Math.floor(Date.now() / 1000);
  const [bars, meta] = await ask(now - 600, now);
  expect(bars.length).toBeGreaterThanOrEqual(30);
  expect(meta).toEqual({});
  expect(bars.every((bar, i) => i === 0 || bar.time > bars[i - 1]!.time)).toBe(true);
  expect(await ask(0, 86_400)).toEqual([[], { noData: true }]);

  const ticks: LibraryBar[] = [];
  const others: LibraryBar[] = [];
  let resets = 0;
  feed.subscribeBars(
    info,
    '1S',
    (bar) => ticks.push(bar),
    'a',
    () => (resets += 1),
  );
  feed.subscribeBars(info, '1S', (bar) => others.push(bar), 'b');
  await ledger.until('ticks', () => ticks.length > 5 && others.length > 5);
  proxy.cut();
  await ledger.until('asked again', () => resets === 1);
  feed.unsubscribeBars('a');
  const seen = ticks.length;
  const more = others.length + 5;
  await ledger.until('ticks of the other', () => others.length >= more);
  expect(ticks).toHaveLength(seen);
  expect(ticks.every((bar, i) => i === 0 || bar.time >= ticks[i - 1]!.time)).toBe(true);
  feed.unsubscribeBars('b');
});
