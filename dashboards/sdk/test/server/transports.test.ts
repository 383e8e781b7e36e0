/** Every transport against the real server: the same events, in order, none lost, none twice. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { FeedError, type FeedItem } from '../../src/index.ts';
import { TRANSPORTS } from '../../src/ladder.ts';
import { BadProxy } from './bad_proxy.ts';
import { FeedServer } from './feed_server.ts';
import { Ledger } from './ledger.ts';

let server: FeedServer;
let proxy: BadProxy;
let ledger: Ledger | undefined;
let names: string[];

beforeAll(async () => {
  server = await FeedServer.start(['--symbols', '20', '--rate', '600', '--shards', '2']);
  proxy = await BadProxy.start(server.port);
  names = (await new Ledger({ url: server.url }).client.symbols()).map((row) => row.S);
});
afterEach(() => ledger?.client.close());
afterAll(async () => {
  proxy.close();
  await server.kill();
});

describe.each(TRANSPORTS)('%s', (transport) => {
  const start = (url = server.url, waitMs = 2000): Ledger => {
    ledger = new Ledger({ url, transports: [transport], pollMs: 100, waitMs });
    ledger.client.connect();
    return ledger;
  };

  it('brings a snapshot, then every event', async () => {
    const ledger = start();
    const subscription = ledger.client.subscribe({ symbols: ['*'] });
    await ledger.more(300);
    expect(ledger.client.status).toMatchObject({ state: 'live', transport, format: 'json' });
    expect(ledger.outcomes).toEqual(['snapshot']);
    expect(ledger.faults).toEqual([]);
    expect(ledger.client.stats()).toMatchObject({ gaps: 0, repeats: 0, reconnects: 0 });
    expect(subscription.cursor).toMatch(/^\w+:\d+$/);
  });

  it('carries subscriptions that come, change and go', async () => {
    const ledger = start();
    const { client } = ledger;
    const [a, b, c, d] = names as [string, string, string, string];
    client.subscribe({ symbols: [a], channels: ['trades', 'quotes'] });
    const second = client.subscribe({ symbols: [b], channels: ['trades', 'quotes'] });
    client.subscribe({ symbols: [c, d], mode: 'latest', interval_ms: 100 });
    await ledger.more(60);
    client.subscribe({ symbols: [d], channels: ['trades', 'quotes'] });
    const bars = client.subscribe({ symbols: [a], channels: ['bars:1s'] });
    const seen: number[] = [];
    bars.on('bar', (bar) => seen.push(bar.ts));
    await ledger.more(60);
    second.close();
    const after = ledger.last.get(`trades|${b}`);
    await ledger.until('bars of two seconds', () => new Set(seen).size > 1);
    await ledger.more(60);
    expect(ledger.faults).toEqual([]);
    expect(ledger.last.get(`trades|${b}`)! - after!).toBeLessThan(5);
    expect(client.stats().gaps).toBe(0);
    expect([...seen].sort((x, y) => x - y)).toEqual(seen);
  });

  it('gives a symbol back when the newer of two subscriptions is closed', async () => {
    const ledger = start();
    const [a, b] = names as [string, string];
    const counts = { older: 0, newer: 0 };
    const older = ledger.client.subscribe({ symbols: [a, b] });
    older.on('trade', ({ S }) => S === a && (counts.older += 1));
    await ledger.until('trades of the first', () => counts.older > 2);
    const newer = ledger.client.subscribe({ symbols: [a], mode: 'latest', interval_ms: 50 });
    newer.on('trade', ({ S }) => S === a && (counts.newer += 1));
    await ledger.until('trades of the second', () => counts.newer > 2);
    newer.close();
    // What was on its way to the newer one is nobody's any more; the older one begins again with a snapshot.
    ledger.last.delete(`trades|${a}`);
    let first: boolean | undefined;
    older.on('trade', ({ S, snap }) => S === a && (first ??= Boolean(snap)));
    const before = counts.older;
    await ledger.until('trades of the first again', () => counts.older > before + 3);
    expect(first).toBe(true);
    expect(ledger.faults).toEqual([]);
    expect(ledger.client.stats().gaps).toBe(0);
  });

  it('moves a symbol to another interval without a hole', async () => {
    const ledger = start();
    const [a, b] = names as [string, string];
    for (const interval_ms of [100, 50, 200]) {
      ledger.client.subscribe({ symbols: [a, b], mode: 'latest', interval_ms });
      await ledger.more(20);
    }
    ledger.client.subscribe({ symbols: [a] });
    await ledger.more(40);
    expect(ledger.faults).toEqual([]);
    expect(ledger.client.stats().gaps).toBe(0);
  });

  it('keeps a bar moving that nothing else is asked with', async () => {
    const ledger = start(server.url, 30_000);
    const live = ledger.client.subscribe({ symbols: names.slice(0, 1), channels: ['bars:1d'] });
    const counts = new Set<number>();
    live.on('bar', (bar) => counts.add(bar.c));
    await ledger.until('three states of a bar', () => counts.size >= 3);
  });

  it('lets subscriptions join one after the other, merged and whole', async () => {
    // So busy that there are events between any two requests.
    const busy = await FeedServer.start(['--symbols', '6', '--rate', '6000', '--trades-only']);
    try {
      const ledger = start(busy.url);
      const rows = await ledger.client.symbols();
      for (const { S } of rows) {
        ledger.client.subscribe({ symbols: [S], mode: 'latest', interval_ms: 50 });
        await ledger.more(10);
      }
      await ledger.more(60);
      expect(ledger.faults).toEqual([]);
      expect(ledger.client.stats().gaps).toBe(0);
      expect(ledger.last.size).toBe(rows.length);
    } finally {
      ledger?.client.close();
      await busy.kill();
    }
  });

  it('resumes after a cut where it was', async () => {
    const ledger = start(proxy.url);
    ledger.client.subscribe({ symbols: names.slice(0, 10) });
    ledger.client.subscribe({ symbols: names.slice(10), channels: ['trades', 'quotes'] });
    ledger.client.subscribe({ symbols: names.slice(0, 5), channels: ['quotes'], mode: 'latest' });
    const streamed = transport !== 'poll' && transport !== 'longpoll';
    for (let cut = 0; cut < 3; cut++) {
      await ledger.more(100);
      proxy.cut();
      // Between two polls there is nothing to cut.
      const noticed = (): boolean => ledger.client.status.state !== 'live';
      if (streamed) await ledger.until('noticed', noticed);
    }
    await ledger.more(100);
    expect(ledger.faults).toEqual([]);
    expect(ledger.client.stats().gaps).toBe(0);
    if (streamed) expect(ledger.client.stats().reconnects).toBe(3);
    else return;
    expect(ledger.outcomes.slice(0, 3)).toEqual(['snapshot', 'snapshot', 'snapshot']);
    expect(new Set(ledger.outcomes.slice(3))).toEqual(new Set(['resumed']));
  });

  it('tells of a symbol that does not exist, and carries on', async () => {
    const ledger = start();
    const wrong = ledger.client.subscribe({ symbols: ['NOSUCH'] });
    ledger.client.subscribe({ symbols: names });
    await expect(wrong.events().next()).rejects.toMatchObject({
      code: 'subscription',
      problem: 'unknown_symbol',
    });
    await ledger.more(50);
    expect(ledger.refusals).toEqual(['unknown_symbol']);
    expect(ledger.faults).toEqual([]);
  });

  it('hands out iterators that end with their signal', async () => {
    const ledger = start();
    const stop = new AbortController();
    const all = ledger.client.subscribe({ symbols: names });
    const items: FeedItem[] = [];
    for await (const item of all.events({ signal: stop.signal })) {
      items.push(item);
      if (items.length === 50) stop.abort();
      if (items.length > 2000) break;
    }
    expect(items.length).toBeGreaterThanOrEqual(50);
    expect(items.every((item) => 'T' in item && item.T !== 'gap')).toBe(true);
    const latest = all.latest();
    await ledger.more(200);
    const { value } = await latest.next();
    expect(value).toMatchObject({ T: 't' });
    expect(latest.dropped).toBeGreaterThan(100);
    ledger.client.close();
    for await (const _ of latest);
  });
});

describe('MessagePack', () => {
  it('is the same, in fewer bytes', async () => {
    const json = new Ledger({ url: server.url, transports: ['ws'] });
    ledger = new Ledger({ url: server.url, transports: ['ws'], format: 'msgpack' });
    for (const { client } of [json, ledger]) {
      client.connect();
      client.subscribe({ symbols: ['*'], channels: ['trades', 'quotes', 'bars:1s'] });
    }
    await Promise.all([json.more(300), ledger.more(300)]);
    expect(ledger.client.status).toMatchObject({ state: 'live', format: 'msgpack' });
    expect([...json.faults, ...ledger.faults]).toEqual([]);
    const perEvent = ({ client }: Ledger): number => client.stats().bytes / client.stats().events;
    expect(perEvent(ledger)).toBeLessThan(0.7 * perEvent(json));
    json.client.close();
  });
});

it('bars of the past have exact prices', async () => {
  ledger = new Ledger({ url: server.url });
  const [symbol] = names as [string];
  const bars = await ledger.client.bars({ symbol, interval: '1m', limit: 20 });
  expect(bars).toHaveLength(20);
  expect(bars[0]).toMatchObject({ T: 'b', S: symbol, i: '1m' });
  for (const bar of bars) expect([bar.O, bar.H, bar.L, bar.C].every(Number.isInteger)).toBe(true);
  const wrong = ledger.client.bars({ symbol: 'NOSUCH', interval: '1m' });
  await expect(wrong).rejects.toThrow(FeedError);
  await expect(wrong).rejects.toMatchObject({ status: 400, problem: 'unknown_symbol' });
});
