/** The page's logic without a browser: formatting, the store, filtering, the visible span, words, subscriptions. */
import { decodeJson, type LinkStatus, type SubscribeRequest } from '@tickcast/client';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { readAddress, withTyped } from '../src/address.ts';
import { asked, filterRows } from '../src/filter.ts';
import { age, change, count, milliseconds, price } from '../src/format.ts';
import { Median, Rates } from '../src/rates.ts';
import { Store } from '../src/store.ts';
import { ALL_MAX, Subscriber } from '../src/subscriber.ts';
import { allSimulated, sameNames, withoutRemark } from '../src/symbols.ts';
import { visibleSpan } from '../src/table.ts';
import { notice, pillText, spoken } from '../src/words.ts';

describe('format', () => {
  it('prints prices and changes with exact places', () => {
    expect(price(18720, 2)).toBe('187.20');
    expect([price(9164750, 2), price(123456, 0)]).toEqual(['91,647.50', '123,456']);
    expect(price(NaN, 2)).toBe('–');
    expect(change(18720, 18700, 2)).toEqual({
      ...{ way: 'up', arrow: '▲', amount: '0.20', percent: '0.11 %' },
    });
    expect(change(18690, 18700, 2)).toMatchObject({ way: 'down', arrow: '▼', amount: '0.10' });
    expect(change(5, 0, 0).percent).toBe('');
    expect(change(NaN, NaN, 2).way).toBe('flat');
  });

  it('prints counts, ages and milliseconds short', () => {
    expect([999, 12_345, 1_234_567].map(count)).toEqual(['999', '12,345', '1.235M']);
    expect([NaN, 200, 5900, 61_000, 7.3e6].map(age)).toEqual(['–', '< 1 s', '5 s', '1 min', '2 h']);
    expect([40, 4_321, 128_400].map(milliseconds)).toEqual(['< 0.1 ms', '4.3 ms', '128 ms']);
  });
});

describe('store', () => {
  const trade = '{"T":"t","S":"A","n":7,"o":1,"ts":5,"p":1.50,"v":10,"d":1';
  const merged =
    '{"T":"m","S":"A","n0":8,"n":12,"o":9,"ts0":6,"ts":7,"O":1.40,"H":1.70,"L":1.30,"p":1.60,"v":50,"c":5}';

  it('keeps the newest of each symbol and counts what was merged', () => {
    const store = new Store();
    expect(store.apply(decodeJson(`[${trade},"snap":1}]`), 1000)).toBe(true);
    expect(store.apply(decodeJson(`[${merged}]`), 2000)).toBe(false);
    const quote = '{"T":"q","S":"A","n":1,"o":10,"ts":8,"b":1.55,"B":1,"a":1.65,"A":2}';
    store.apply(decodeJson(`[${quote}]`), 3000);
    expect([store.open[0], store.last[0], store.bid[0], store.ask[0]]).toEqual([
      150, 160, 155, 165,
    ]);
    expect(store.volume[0]).toBe(50);
    expect([store.received, store.merged, store.at[0]]).toEqual([6, 4, 3000]);
  });

  it('grows with its symbols and keeps what it has', () => {
    const store = new Store();
    store.apply(decodeJson(`[${trade}}]`), 1);
    const rows = Array.from({ length: 5000 }, (_, id) => ({
      S: `S${id}`,
      id,
      places: 2,
      name: '',
    }));
    store.describe(rows);
    expect(store.size).toBe(5001);
    expect(store.last[0]).toBe(150);
    expect(store.last[4999]).toBeNaN();
  });

  it('remembers holes', () => {
    const store = new Store();
    store.hole({ S: 'A', ch: 'trades', from: 5, to: 9, why: 'slow' });
    expect([store.lost[0], store.gaps]).toEqual([5, 1]);
  });
});

describe('filter', () => {
  const names = ['AAPL', 'MSFT', 'BAAL', 'ZED'];
  const titles = ['Apple', 'Microsoft', 'Baal', 'Aardvark'];

  it('finds symbols and names, symbols that begin with it first', () => {
    expect([...filterRows(names, titles, ' aa ')]).toEqual([0, 2, 3]);
    expect([...filterRows(names, titles, '')]).toEqual([0, 1, 2, 3]);
    expect([...filterRows(names, titles, 'nothing')]).toEqual([]);
  });

  it('reads patterns as the wire does', () => {
    expect(asked('BTC-USD', ['AAPL', 'BTC*'])).toBe(true);
    expect(asked('ETH', ['AAPL', 'BTC*'])).toBe(false);
    expect(asked('ETH', ['*'])).toBe(true);
  });
});

describe('symbols', () => {
  const symbol = (S: string, name: string) => ({ S, id: 0, places: 2, name });
  const made = [symbol('A', 'Apple (simulated)'), symbol('B', 'Bank (simulated)')];

  it('say once that they are simulated, if all of them are', () => {
    expect(allSimulated(made)).toBe(true);
    expect(withoutRemark(made).map(({ name }) => name)).toEqual(['Apple', 'Bank']);
    expect([allSimulated([...made, symbol('C', 'Corn')]), allSimulated([])]).toEqual([
      false,
      false,
    ]);
  });

  it('are the same ones in any order', () => {
    expect(sameNames(['B', 'A'], made)).toBe(true);
    expect([sameNames(['A'], made), sameNames(['A', 'C'], made)]).toEqual([false, false]);
  });
});

describe('visible span', () => {
  it('covers the screen and a little more, whatever the size', () => {
    expect(visibleSpan(0, 340, 34, 100_000)).toEqual({ from: 0, to: 14 });
    expect(visibleSpan(34_000, 340, 34, 100_000)).toEqual({ from: 996, to: 1014 });
    expect(visibleSpan(34_000, 340, 34, 5)).toEqual({ from: 5, to: 5 });
  });
});

describe('rates', () => {
  it('divides differences by the time between two looks', () => {
    const rates = new Rates<'a'>();
    expect(rates.look({ a: 10 }, 1000)).toBeUndefined();
    expect(rates.look({ a: 110 }, 3000)).toEqual({ a: 50 });
  });

  it('takes the median once', () => {
    const median = new Median();
    [5, 1, 9].forEach((sample) => median.add(sample));
    expect([median.take(), median.take()]).toEqual([5, undefined]);
  });
});

describe('words', () => {
  const status = (more: Partial<LinkStatus>): LinkStatus => ({
    ...{ state: 'live', transport: 'ws', format: 'json', attempt: 0 },
    ...more,
  });
  const heartbeat = { T: 'heartbeat', ts: 1, o: 1, sent: 1, behind_ms: 0, merged: 0 } as const;
  const health = (more: Partial<LinkStatus>, met = true) => ({
    ...{ status: status(more), met, host: 'h:1' },
  });

  it('count down to the next dial', () => {
    const waiting = health({ state: 'reconnecting', retryAt: 12_300 });
    expect(pillText(waiting, 10_000)).toBe('Reconnecting in 3 s');
    expect(pillText(health({ state: 'reconnecting' }), 10_000)).toBe('Reconnecting');
  });

  it('tell a silent source from a quiet market', () => {
    const quiet = { ...health({}), heartbeat: { ...heartbeat, source_age_ms: 10 } };
    const silent = { ...health({}), heartbeat: { ...heartbeat, source_age_ms: 7200 } };
    expect([pillText(quiet, 0), pillText(silent, 0)]).toEqual(['Live', 'Live, source silent 7 s']);
  });

  it('say what to do when there is no server', () => {
    expect(notice(health({ state: 'reconnecting' }, false))).toContain('`make run`');
    expect(notice(health({ state: 'closed', code: 4003 }))).toContain('4003');
    expect(notice(health({}))).toBeUndefined();
    expect(spoken(health({ state: 'reconnecting', retryAt: 5 }))).not.toMatch(/\d/);
  });
});

describe('address', () => {
  it('is read and written back', () => {
    expect(readAddress('?symbols=AAPL,%20BTC*&format=msgpack&q=x')).toEqual({
      ...{ symbols: ['AAPL', 'BTC*'], format: 'msgpack', typed: 'x' },
    });
    expect(readAddress('')).toEqual({ symbols: ['*'], format: 'json', typed: '' });
    expect(withTyped('?format=msgpack', 'a b')).toBe('?format=msgpack&q=a+b');
    expect(withTyped('?q=x', '')).toBe('');
  });
});

describe('subscriber', () => {
  const asks: string[] = [];
  const client = {
    subscribe: (request: SubscribeRequest) => void asks.push(`+${request.symbols.join()}`),
    unsubscribe: (symbols: string[]) => void asks.push(`-${symbols.join()}`),
  } as unknown as ConstructorParameters<typeof Subscriber>[0];

  beforeEach(() => {
    vi.useFakeTimers();
    asks.length = 0;
  });
  afterEach(() => void vi.useRealTimers());

  it('takes everything at once while that is little', () => {
    new Subscriber(client).start(['*'], ALL_MAX, () => []);
    expect(asks).toEqual(['+*']);
  });

  it('follows the screen beyond, at a bounded rate', () => {
    let shown = ['A', 'B'];
    const subscriber = new Subscriber(client);
    subscriber.start(['*'], ALL_MAX + 1, () => shown);
    shown = ['B', 'C'];
    for (let i = 0; i < 50; i++) subscriber.moved();
    vi.advanceTimersByTime(1000);
    expect(asks).toEqual(['+A,B', '-A', '+C']);
  });
});
