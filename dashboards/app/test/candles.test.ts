/** What the chart is made of, without a chart: batches in the worker, bars in order, marks of interruptions. */
import { decodeJson, type Bar, type Data } from '@tickcast/client';
import { beforeEach, describe, expect, it } from 'vitest';
import { Collector, packBars } from '../src/feed/collector.ts';
import { BAR, ROW, TRADE } from '../src/feed/talk.ts';
import { BARS_MAX, Candles, CUT } from '../src/market/chart/candles.ts';
import { Marks } from '../src/market/chart/marks.ts';

const trade = (S: string, n: number, p: string, v = 10): Data =>
  decodeJson(
    `[{"T":"t","S":"${S}","n":${n},"o":${n},"ts":${n},"p":${p},"v":${v},"d":1}]`,
  )[0] as Data;
const bar = (ts: number, C: number, c = 1, x = false): Bar => ({
  ...{ T: 'b', S: 'A', i: '1s', ts, O: 1, H: 9, L: 1, C, v: c, c, x, places: 2 },
});
const packed = (...bars: Bar[]) => packBars(bars);

describe('collector', () => {
  let collector: Collector;
  beforeEach(() => {
    collector = new Collector();
    collector.describe(['A', 'B']);
    collector.show(1, 'A', '1s');
  });

  it('keeps the newest of a row and adds up its volume, until it is taken', () => {
    for (let n = 1; n <= 1000; n++) collector.event(trade('B', n, '1.50', 2));
    collector.event(trade('B', 1001, '1.60', 1));
    collector.event(trade('X', 1, '1.00'));
    const batch = collector.take()!;
    expect([...batch.rows]).toEqual([1, 160, 1001, 2001]);
    expect(batch.tape.length).toBe(0);
    expect(collector.take()).toBeUndefined();
    expect(collector.received).toBe(1002);
  });

  it('counts what came merged', () => {
    const merged =
      '{"T":"m","S":"A","n0":8,"n":12,"o":9,"ts0":6,"ts":7,"O":1.40,"H":1.70,"L":1.30,"p":1.60,"v":50,"c":5}';
    collector.event(decodeJson(`[${merged}]`)[0] as Data);
    expect([collector.received, collector.merged]).toEqual([5, 4]);
    expect([...collector.take()!.tape]).toEqual([7, 160, 50, 5, 1]);
  });

  it('is bounded while nobody takes anything, and says what is missing', () => {
    for (let n = 1; n <= 10_000; n++) {
      collector.event(trade('A', n, '1.50'));
      collector.bar(bar(n, 5));
    }
    const batch = collector.take()!;
    expect(batch.rows.length).toBe(ROW);
    expect(batch.tape.length).toBe(64 * TRADE);
    expect(batch.tape.at(-TRADE)).toBe(10_000);
    expect(batch.bars.length).toBe(128 * BAR);
    expect([batch.bars.at(-BAR), batch.barsLost]).toEqual([10_000, true]);
    collector.bar(bar(10_001, 5));
    expect(collector.take()!.barsLost).toBe(false);
  });

  it('drops what waits for another symbol or interval', () => {
    collector.bar(bar(1, 5));
    collector.event(trade('A', 1, '1.50'));
    collector.show(2, 'A', '1m');
    collector.bar(bar(2, 5));
    const batch = collector.take()!;
    expect([batch.chart, batch.bars.length, batch.tape.length]).toEqual([2, 0, 0]);
  });
});

describe('candles', () => {
  it('take history before and after the live bar', () => {
    const candles = new Candles(2);
    expect(candles.merge(packed(bar(5e6, 3)))).toEqual({ from: 5e6 });
    expect(candles.merge(packed(bar(3e6, 1, 1, true), bar(4e6, 2, 1, true)))).toBe('everything');
    expect(candles.merge(packed(bar(6e6, 4)))).toEqual({ from: 6e6 });
    expect(candles.all.map(({ C }) => C)).toEqual([1, 2, 3, 4]);
    expect(candles.from(5e6).map(({ ts }) => ts)).toEqual([5e6, 6e6]);
  });

  it('believe the state that has seen more trades, and a final one above all', () => {
    const candles = new Candles(2);
    candles.merge(packed(bar(5e6, 3, 7)));
    expect(candles.merge(packed(bar(5e6, 2, 5)))).toBe('nothing');
    candles.merge(packed(bar(5e6, 4, 9, true)));
    candles.merge(packed(bar(5e6, 5, 10)));
    expect(candles.last).toMatchObject({ C: 4, c: 9, x: true });
  });

  it('fill a hole from an answer that overlaps', () => {
    const candles = new Candles(2);
    candles.merge(packed(bar(1e6, 1, 1, true), bar(2e6, 2, 3)));
    candles.merge(packed(bar(9e6, 9)));
    const answer = [2, 3, 4, 8].map((second) => bar(second * 1e6, second, 5, true));
    expect(candles.merge(packed(...answer, bar(9e6, 9)))).toBe('everything');
    expect(candles.all.map(({ ts }) => ts / 1e6)).toEqual([1, 2, 3, 4, 8, 9]);
    expect(candles.all[1]).toMatchObject({ c: 5, x: true });
    expect(candles.merge(packed(...answer))).toBe('nothing');
  });

  it('find the bar that covers an instant', () => {
    const candles = new Candles(2);
    candles.merge(packed(bar(1e6, 1), bar(5e6, 2)));
    expect(candles.covering(0)).toBeUndefined();
    expect([1e6, 4.9e6, 5e6, 99e6].map((ts) => candles.covering(ts)?.ts)).toEqual([
      1e6, 1e6, 5e6, 5e6,
    ]);
    expect([candles.at(5e6)?.C, candles.at(4e6)]).toEqual([2, undefined]);
  });

  it('stay bounded', () => {
    const candles = new Candles(2);
    for (let ts = 0; ts < BARS_MAX + 10; ts++) candles.merge(packed(bar(ts, 1)));
    expect(candles.all.length).toBe(BARS_MAX);
    expect(candles.first?.ts).toBe(10);
  });

  it('are cut on the left in blocks, the newest staying', () => {
    const candles = new Candles(2);
    let [most, cuts] = [0, 0];
    for (let ts = 1; ts <= 50 * CUT; ts++) {
      candles.merge(packed(bar(ts, ts)));
      most = Math.max(most, candles.all.length);
      if (candles.trim(300)) cuts += 1;
    }
    expect(most).toBe(300 + CUT);
    expect(cuts).toBe((50 * CUT - 300) / CUT);
    expect(candles.all.map(({ ts }) => ts)).toEqual(
      Array.from(candles.all, (_, i) => 50 * CUT - candles.all.length + 1 + i),
    );
    const older = candles.first!.ts - 1;
    expect(candles.merge(packed(bar(older - 1, 7), bar(older, 8)))).toBe('everything');
    expect(candles.all.slice(0, 3).map(({ ts }) => ts)).toEqual([older - 1, older, older + 1]);
  });

  it('are written with every digit', () => {
    const candles = new Candles(2);
    candles.merge(packed({ ...bar(1e6, 18720, 3, true), O: 18700, H: 18730, L: 18690 }));
    expect(candles.csv().split('\n')[1]).toBe('1000000,187.00,187.30,186.90,187.20,3,3,true');
  });
});

describe('marks', () => {
  it('stand at the bar of the interruption, a loss before what was none', () => {
    const marks = new Marks();
    const candles = new Candles(2);
    candles.merge(packed(bar(1e6, 1), bar(2e6, 2)));
    marks.add('A', { at_us: 2.4e6, lossy: true, text: 'gap' });
    marks.add('A', { at_us: 2.6e6, lossy: false, text: 'resumed' });
    marks.add('A', { at_us: 1.2e6, lossy: false, text: 'resumed' });
    marks.add('B', { at_us: 1.2e6, lossy: true, text: 'gap' });
    const found = marks.of('A', (ts) => candles.covering(ts));
    expect(found).toEqual([
      { ts: 1e6, lossy: false, text: 'resumed' },
      { ts: 2e6, lossy: true, text: 'gap' },
    ]);
  });
});
