/** The page's logic without a browser: formatting, the store, filtering and sorting, the visible span, words, subscriptions. */
import { type LinkStatus, type SubscribeRequest } from '@tickcast/client';
import { beforeEach, describe, expect, it } from 'vitest';
import { Median, Rates } from '../src/feed/rates.ts';
import { allSimulated, sameSymbols, withoutRemark } from '../src/feed/symbols.ts';
import { Watch } from '../src/feed/watch.ts';
import { Flash } from '../src/frame/flash.ts';
import { age, bytes, change, count, milliseconds, moved, price } from '../src/frame/format.ts';
import { latencyText, notice, pillText, spoken, viaText, type Health } from '../src/frame/words.ts';
import { readAddress, writeAddress } from '../src/market/address.ts';
import { filterRows, nextOrder, sortRows } from '../src/market/list/filter.ts';
import { isPainted } from '../src/market/list/row.ts';
import { sparkPath } from '../src/market/list/sparkline.ts';
import { visibleSpan } from '../src/market/list/table.ts';
import { nearestPace, PACES_MS, paceText } from '../src/market/pace.ts';
import { Store } from '../src/market/store.ts';

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
    expect(moved(110, 100)).toEqual({ way: 'up', percent: '+10.00 %' });
    expect(moved(99, 100)).toEqual({ way: 'down', percent: '−1.00 %' });
    expect([moved(5, 5).percent, moved(NaN, 5).way, moved(5, 0).way]).toEqual([
      '–',
      'flat',
      'flat',
    ]);
  });

  it('prints counts, ages and milliseconds short', () => {
    expect([999, 12_345, 1_234_567].map(count)).toEqual(['999', '12,345', '1.235M']);
    expect([NaN, 200, 5900, 61_000, 7.3e6].map(age)).toEqual(['–', '< 1 s', '5 s', '1 min', '2 h']);
    expect([40, 4_321, 128_400].map(milliseconds)).toEqual(['< 0.1 ms', '4.3 ms', '128 ms']);
    expect([12, 4_321, 1.28e6].map(bytes)).toEqual(['12 B', '4.3 kB', '1.28 MB']);
  });
});

const symbol = (S: string, name = '', places = 2) => ({ S, id: 0, places, name });

function filled(): Store {
  const store = new Store();
  store.describe([symbol('AAPL', 'Apple'), symbol('MSFT', 'Microsoft'), symbol('BAAL', 'Baal')]);
  // row, open, last, volume
  store.applyDays(Float64Array.from([0, 100, 110, 5, 1, 100, 90, 50]), () => false);
  return store;
}

describe('store', () => {
  it('merges batches into rows, and counts the changes', () => {
    const store = filled();
    store.apply(Float64Array.from([0, 120, 7, 3, 2, 55, 8, 1]), 1000);
    expect([...store.last]).toEqual([120, 90, 55]);
    expect([...store.volume]).toEqual([8, 50, 1]);
    expect([store.at[0], store.version[0], store.version[1]]).toEqual([1000, 2, 1]);
    expect(store.change(0)).toBeCloseTo(0.2);
    expect(store.change(2)).toBeNaN();
  });

  it('lets a streamed price stand against an older snapshot', () => {
    const store = filled();
    store.apply(Float64Array.from([0, 120, 7, 3]), 1000);
    store.applyDays(Float64Array.from([0, 100, 111, 9, 1, 100, 91, 60]), (row) => row === 0);
    expect([store.last[0], store.last[1], store.volume[0]]).toEqual([120, 91, 9]);
  });

  it('remembers holes', () => {
    const store = filled();
    store.hole({ S: 'MSFT', ch: 'trades', from: 5, to: 9, why: 'slow' });
    store.hole({ S: 'NONE', ch: 'trades', from: 5, to: 9, why: 'slow' });
    expect([store.lost[1], store.gaps]).toEqual([5, 2]);
  });
});

describe('watchlist', () => {
  const names = ['AAPL', 'MSFT', 'BAAL', 'ZED'];
  const titles = ['Apple', 'Microsoft', 'Baal', 'Aardvark'];

  it('finds symbols and names, symbols that begin with it first', () => {
    expect([...filterRows(names, titles, ' aa ')]).toEqual([0, 2, 3]);
    expect([...filterRows(names, titles, '')]).toEqual([0, 1, 2, 3]);
    expect([...filterRows(names, titles, 'nothing')]).toEqual([]);
  });

  it('sorts, those without a value last, whichever way', () => {
    const store = filled();
    const rows = Uint32Array.from([2, 0, 1]);
    const by = (column: 'symbol' | 'change' | 'volume', descending: boolean): number[] => [
      ...sortRows(rows, store, { column, descending }),
    ];
    expect(by('change', true)).toEqual([0, 1, 2]);
    expect(by('change', false)).toEqual([1, 0, 2]);
    expect(by('volume', true)).toEqual([1, 0, 2]);
    expect(by('symbol', true)).toEqual([1, 2, 0]);
    expect(sortRows(rows, store, { column: undefined, descending: false })).toBe(rows);
  });

  it('goes through a column: its natural way, the other, none', () => {
    let order = nextOrder({ column: 'symbol', descending: false }, 'change');
    expect(order).toEqual({ column: 'change', descending: true });
    order = nextOrder(order, 'change');
    expect(order).toEqual({ column: 'change', descending: false });
    expect(nextOrder(order, 'change').column).toBeUndefined();
    expect(nextOrder(order, 'symbol')).toEqual({ column: 'symbol', descending: false });
  });

  it('draws a line that ends at the price', () => {
    expect(sparkPath([1, 2, 3], 1)).toBe('M0.0 22.0L32.0 2.0L64.0 22.0');
    expect(sparkPath([5, 5], NaN)).toBe('M0.0 12.0L64.0 12.0');
    expect([sparkPath([1], 1), sparkPath(undefined, 1)]).toEqual(['', '']);
  });
});

describe('symbols', () => {
  const made = [symbol('A', 'Apple (simulated)'), symbol('B', 'Bank (simulated)')];

  it('say once that they are simulated, if all of them are', () => {
    expect(allSimulated(made)).toBe(true);
    expect(withoutRemark(made).map(({ name }) => name)).toEqual(['Apple', 'Bank']);
    expect(allSimulated([...made, symbol('C', 'Corn')])).toBe(false);
    expect(allSimulated([])).toBe(false);
  });

  it('are the same ones only in the same order, with the same places', () => {
    expect(sameSymbols(made, [...made])).toBe(true);
    expect(sameSymbols(made, [...made].reverse())).toBe(false);
    expect(sameSymbols(made, made.slice(1))).toBe(false);
    expect(sameSymbols(made, [made[0]!, symbol('B', '', 3)])).toBe(false);
  });
});

describe('visible span', () => {
  it('covers the screen and a little more, whatever the size', () => {
    expect(visibleSpan(0, 340, 34, 100_000)).toEqual({ from: 0, to: 14 });
    expect(visibleSpan(34_000, 340, 34, 100_000)).toEqual({ from: 996, to: 1014 });
    expect(visibleSpan(34_000, 340, 34, 5)).toEqual({ from: 5, to: 5 });
  });
});

describe('turns of rows', () => {
  /** In which of `turns` a row is painted that changes whenever `changes` says so. */
  function painted(at: number, turns: number, changes: (turn: number) => boolean): number[] {
    const seen: number[] = [];
    let waits = false;
    for (let turn = 1; turn <= turns; turn++) {
      waits ||= changes(turn);
      if (!waits || !isPainted(turn, seen.at(-1) ?? -Infinity, at)) continue;
      seen.push(turn);
      waits = false;
    }
    return seen;
  }

  it('come every second time to a row that always changes, to its neighbour in between', () => {
    expect(painted(0, 9, () => true)).toEqual([1, 2, 4, 6, 8]);
    expect(painted(1, 9, () => true)).toEqual([1, 3, 5, 7, 9]);
  });

  it('come at once to a row that rested, and never later than in the next drain', () => {
    for (const at of [0, 1]) {
      expect(painted(at, 40, (turn) => turn % 7 === 0)).toEqual([7, 14, 21, 28, 35]);
      const bursts = painted(at, 45, (turn) => turn % 10 < 2);
      for (const turn of [10, 20, 30, 40]) {
        expect(bursts.some((one) => one === turn + 1 || one === turn + 2)).toBe(true);
      }
    }
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
  const health = (more: Partial<LinkStatus>, met = true): Health => ({
    ...{ status: status(more), met, online: true, host: 'h:1' },
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

  it('tell a lost network from a lost server, and a pause from both', () => {
    const lost = health({ state: 'reconnecting', retryAt: 12_300 });
    expect(pillText({ ...lost, online: false }, 10_000)).toBe('Offline');
    expect(notice({ ...lost, online: false })).toContain('offline');
    expect(pillText({ ...health({ state: 'closed' }), paused: true }, 0)).toBe('Paused');
    expect(pillText({ ...health({}), online: false }, 0)).toBe('Live');
    expect(pillText({ ...health({}), online: false, silent_ms: 2500 }, 0)).toBe('Offline');
  });

  it('claim no latency below the error of the clocks', () => {
    expect([latencyText(undefined), latencyText(4200, 300)]).toEqual(['–', '4.2 ms']);
    expect([latencyText(-900, 1500), latencyText(40, 90)]).toEqual(['< 1.5 ms', '< 0.1 ms']);
  });

  it('name transport and format', () => {
    expect(viaText(status({}))).toBe('WebSocket · JSON');
    expect(viaText(status({ transport: 'longpoll' }))).toBe('Long poll · JSON');
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
    const query =
      '?symbol=MSFT&interval=5m&interval_ms=1000&format=msgpack&transport=sse&q=a+b&sort=-change';
    expect(readAddress(query)).toEqual({
      ...{ symbol: 'MSFT', interval: '5m', interval_ms: 1000, format: 'msgpack' },
      ...{ transport: 'sse', typed: 'a b', order: { column: 'change', descending: true } },
    });
    expect(writeAddress(readAddress(query))).toBe(query);
  });

  it('leaves out what is the default, and takes nothing that does not exist', () => {
    expect(writeAddress(readAddress(''))).toBe('');
    expect(writeAddress(readAddress('?interval=7m&transport=pigeon&interval_ms=-4&sort=age'))).toBe(
      '',
    );
    expect(readAddress('?interval_ms=99999999').interval_ms).toBe(60_000);
  });
});

describe('flash', () => {
  const dataset: Record<string, string> = {};
  const flash = (): Flash => new Flash({ dataset } as unknown as HTMLElement);

  it('fades after a single move, with the way of the move', () => {
    const one = flash();
    expect([one.moved(10, 0), one.moved(10, 10), one.moved(11, 20)]).toEqual([true, false, true]);
    expect([dataset['tick'], dataset['flash']]).toEqual(['up', 'up-1']);
    one.moved(9, 5000);
    expect([dataset['tick'], dataset['flash']]).toEqual(['down', 'down-0']);
  });

  it('holds a tint while a price moves all the time, and never changes it within 400 ms', () => {
    const one = flash();
    one.moved(10, 0);
    const changes: number[] = [];
    let before = '';
    for (let now = 10; now < 5000; now += 10) {
      one.moved(10 + ((now / 10) % 2), now);
      const shown = `${dataset['tick']} ${dataset['flash']}`;
      if (shown !== before) changes.push(now);
      before = shown;
      if (now > 500) expect(dataset['flash']).toBe(`${dataset['tick']}-held`);
    }
    const between = changes.slice(1).map((now, i) => now - changes[i]!);
    expect(Math.min(...between)).toBeGreaterThanOrEqual(400);
  });

  it('shows the last way once the price rests, and lets the tint go', () => {
    const one = flash();
    one.moved(10, 0);
    one.moved(11, 10);
    one.moved(12, 500);
    one.moved(11, 510);
    expect(dataset['tick']).toBe('up');
    one.settle(950);
    expect([dataset['tick'], dataset['flash']]).toEqual(['down', 'down-held']);
    one.settle(1600);
    expect(dataset['flash']).toMatch(/^down-[01]$/);
  });
});

describe('pace', () => {
  it('takes the nearest step', () => {
    expect([0, 60, 900, 60_000].map((wish) => PACES_MS[nearestPace(wish)])).toEqual([
      0, 50, 1000, 5000,
    ]);
    expect([0, 250, 2000].map(paceText)).toEqual(['every trade', '250 ms', '2 s']);
  });
});

describe('watch', () => {
  const asks: string[] = [];
  const closed: string[] = [];
  const client = {
    subscribe: ({ symbols, mode, interval_ms }: SubscribeRequest) => {
      asks.push(`+${symbols.join()} ${mode} ${interval_ms ?? ''}`.trim());
      return { symbols: new Set(symbols), close: () => closed.push(symbols.join()) };
    },
    unsubscribe: (symbols: string[]) => void asks.push(`-${symbols.join()}`),
  } as unknown as ConstructorParameters<typeof Watch>[0];

  beforeEach(() => void (asks.length = 0));

  it('says only what has changed, and keeps what the chart shows', () => {
    const watch = new Watch(client);
    watch.chartOf('A');
    watch.show(['A', 'B']);
    watch.show(['B', 'C']);
    watch.show(['D']);
    watch.chartOf('D');
    expect(asks).toEqual(['+A every', '+B every', '+C every', '-B,C', '+D every', '-A']);
  });

  it('moves everything to another pace at once', () => {
    const watch = new Watch(client);
    watch.pace(250);
    watch.show(['A', 'B']);
    watch.pace(0);
    watch.pace(0);
    expect(asks).toEqual(['+A,B latest 250', '+A,B every']);
    expect(closed).toEqual(['A,B']);
  });
});
