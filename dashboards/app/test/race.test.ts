/** The race without a browser: ages, latencies and their theory, the headline, windows, clocks, addresses. */
import { describe, expect, it } from 'vitest';
import { readWishes, writeWishes } from '../src/race/address.ts';
import { AgeIntegral } from '../src/race/age.ts';
import { isHere, mostCertain, oneClock } from '../src/race/clock.ts';
import { nearest } from '../src/race/controls.ts';
import { isShared, shown, type Look } from '../src/race/figures.ts';
import { duration, headline, howOften, type Measured } from '../src/race/headline.ts';
import {
  axisEnd,
  BINS,
  binOf,
  edge,
  pollTheory,
  quantile,
  spread,
  uniformShares,
} from '../src/race/histogram.ts';
import { routes, type LabState } from '../src/race/lab.ts';
import { ageText } from '../src/race/lane.ts';
import { LANES, type Totals } from '../src/race/talk.ts';
import { Trail } from '../src/race/trail.ts';

describe('age', () => {
  it('is the area under the age, whenever it is looked at', () => {
    const [once, often] = [new AgeIntegral(), new AgeIntegral()];
    // Due at 0, 40 and 100 ms; here 10 ms later each; until 200 ms.
    for (const age of [once, often]) {
      for (const due of [0, 40_000, 100_000]) {
        age.newest(due, due + 10_000);
        if (age === often) for (let at = due; at < due + 30_000; at += 7000) age.look(at);
      }
      age.look(200_000);
    }
    const brute = (): number => {
      let sum = 0;
      for (let at = 10; at < 200; at += 0.01) {
        sum += at - (at < 50 ? 0 : at < 110 ? 40 : 100);
      }
      return sum * 0.01;
    };
    expect(once.time).toBeCloseTo(190);
    expect(often.area).toBeCloseTo(once.area);
    expect(Math.abs(once.area - brute())).toBeLessThan(2);
  });

  it('does not count the time without a price', () => {
    const age = new AgeIntegral();
    age.newest(0, 0);
    age.forget(10_000);
    age.look(500_000);
    age.newest(500_000, 500_000);
    age.look(510_000);
    expect([age.time, age.area]).toEqual([20, 100]);
  });
});

/** A mean age of polls every second and of events every 10 ms on average, by simulation. */
function simulate(random: () => number): { age: number; bins: Float64Array } {
  const age = new AgeIntegral();
  const bins = new Float64Array(BINS);
  let due = 0;
  let waiting: number[] = [];
  for (let poll = 1e6; poll <= 400e6; poll += 1e6) {
    for (; due < poll; due += -Math.log(1 - random()) * 10_000) waiting.push(due);
    for (const event of waiting) {
      age.newest(event, poll);
      bins[binOf((poll - event) / 1000)]! += 1;
    }
    waiting = [];
  }
  return { age: age.area / age.time, bins };
}

function generator(seed: number): () => number {
  return () => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    return seed / 2 ** 32;
  };
}

describe('histogram', () => {
  it('puts every latency between the edges of its bin', () => {
    for (const ms of [0, 0.04, 0.3, 1, 12.7, 999.9, 60_000]) {
      const bin = binOf(ms);
      expect(edge(bin)).toBeLessThanOrEqual(ms);
      expect(edge(bin + 1)).toBeGreaterThan(ms);
    }
    expect([binOf(NaN), binOf(-1), binOf(1e9)]).toEqual([0, 0, BINS - 1]);
  });

  it('knows quantiles to two hundredths', () => {
    const bins = new Float64Array(BINS);
    for (let ms = 1; ms <= 1000; ms++) bins[binOf(ms)]! += 1;
    for (const q of [0.1, 0.5, 0.9, 0.99]) {
      expect(Math.abs(quantile(bins, q) / (1000 * q) - 1)).toBeLessThan(0.025);
    }
    expect(quantile(new Float64Array(BINS), 0.5)).toBeNaN();
  });

  it('spreads all samples onto the axis, what is beyond into the last column', () => {
    const bins = new Float64Array(BINS);
    for (const ms of [0.01, 5, 300, 5000]) bins[binOf(ms)]! += 1;
    const shares = spread(bins, 1000, 10);
    expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1);
    expect(shares[0]).toBeCloseTo(0.5);
    expect(shares[9]).toBeCloseTo(0.25);
  });

  it('agrees with theory where events come at random and are polled', () => {
    const { age, bins } = simulate(generator(7));
    // Half an interval, and the time since the last event, which has no memory.
    expect(Math.abs(age - 510)).toBeLessThan(10);
    const [seen, expected] = [spread(bins, 1200, 12), uniformShares(pollTheory(1000, 0), 1200, 12)];
    seen.forEach((share, i) => expect(Math.abs(share - expected[i]!)).toBeLessThan(0.01));
  });

  it('has theory wait for half a round trip, and for polls that overlap', () => {
    expect(pollTheory(1000, 40)).toEqual({ from: 20, to: 1020 });
    expect(pollTheory(100, 400)).toEqual({ from: 200, to: 600 });
    expect(uniformShares({ from: 0, to: 500 }, 1000, 4)).toEqual([0.5, 0.5, 0, 0]);
    expect([axisEnd(1000, 0), axisEnd(200, 0), axisEnd(1000, 500)]).toEqual([1200, 250, 2500]);
  });
});

const measured = (
  age_ms: number,
  latency_ms: number,
  bytes_s: number,
  requests_s = 0,
): Measured => ({
  ...{ age_ms, latency_ms, bytes_s, requests_s },
});
const words = (pieces: { text: string }[][]): string =>
  pieces.map((line) => line.map(({ text }) => text).join('')).join(' ');

describe('headline', () => {
  const ws = measured(9, 0.6, 1000);

  it('says what polling costs', () => {
    const { title, more } = headline(
      { ws, poll: measured(510, 501, 9000, 1), longpoll: measured(12, 2, 8400, 108) },
      1000,
    );
    expect(words(title)).toBe(
      'Polling once a second shows you a price that is 510 ms old and costs 9 times the bytes. WebSocket: 9.0 ms.',
    );
    expect(words([more])).toBe(
      'Long polling gets to 12 ms, with 108 requests a second and 8.4 times the bytes of WebSocket.',
    );
    expect(title.flat().filter(({ strong }) => strong === 'bad')).toHaveLength(2);
  });

  it('says it too where polling is not the dearer way', () => {
    const same = headline({ ws, poll: measured(510, 501, 1100) }, 500);
    expect(words(same.title)).toBe(
      'Polling twice a second shows you a price that is 510 ms old. WebSocket: 9.0 ms, for the same bytes.',
    );
    const less = headline({ ws, poll: measured(510, 501, 100) }, 2000);
    expect(words(less.title)).toContain('WebSocket: 9.0 ms, for 10 times the bytes.');
    const equal = headline({ ws, poll: measured(10, 5, 1000) }, 100);
    expect(equal.title.flat().some(({ strong }) => strong)).toBe(false);
  });

  it('says how little polling shows where it is sent the latest alone', () => {
    const poll = { ...measured(510, 501, 100), merging: 118.2 };
    expect(words([headline({ ws, poll }, 1000).more])).toBe(
      'Of 118 trades polling shows you one. ',
    );
    expect(headline({ ws, poll: { ...poll, merging: 1 } }, 1000).more).toEqual([]);
  });

  it('speaks of lateness where the market is silent for longer', () => {
    const quiet = { ws: measured(4000, 0.6, 50), poll: measured(4480, 480, 900) };
    expect(words(headline(quiet, 1000).title)).toBe(
      'Polling once a second shows you each trade 480 ms late and costs 18 times the bytes. WebSocket: 0.6 ms.',
    );
  });

  it('claims nothing before it is measured', () => {
    expect(words(headline({}, 1000).title)).toBe('The same prices over five transports.');
    const half = { ws, poll: measured(NaN, NaN, 0) };
    expect(words(headline(half, 1000).title)).toBe('The same prices over five transports.');
    const unpaid = headline({ ws, poll: measured(510, 501, NaN) }, 1000);
    expect(words(unpaid.title)).not.toContain('bytes');
  });

  it('prints times and rates', () => {
    expect([0.04, 0.62, 9.96, 512.4, 1240, 12_400, NaN].map(duration)).toEqual([
      ...['< 0.1 ms', '0.6 ms', '10 ms', '512 ms', '1,240 ms', '12.4 s', '–'],
    ]);
    expect([100, 200, 500, 1000, 2500, 10_000].map(howOften)).toEqual([
      ...['10 times a second', '5 times a second', 'twice a second', 'once a second'],
      ...['every 2.5 seconds', 'every 10 seconds'],
    ]);
    expect([NaN, 7.4, 9999, 12_340].map(ageText)).toEqual([
      ['–', ''],
      ['7', 'ms'],
      ['9,999', 'ms'],
      ['12.3', 's'],
    ]);
  });
});

const totals = (some: Partial<Totals>): Totals => ({
  ...{ events: 0, merged: 0, lost: 0, updates: 0, requests: 0, payload: 0 },
  ...{ age_area: 0, age_time: 0, latency_sum: 0, answer_sum: 0, answers: 0, ...some },
});
const relayed = (up_bytes: number, down_bytes: number, messages = 0, cpu_us = 0): Look['lab'] => ({
  relay: { connections: 1, up_bytes, down_bytes },
  server: { connections: 1, requests: 0, messages, sent_bytes: 0, cpu_us },
});
const looked = (some: Partial<Totals>, lab?: Look['lab']): Look => ({
  ...{ totals: totals(some), bins: new Float64Array(BINS), lab },
});

describe('figures', () => {
  it('are differences of totals over the time between', () => {
    const from = looked({ updates: 100, age_area: 500, age_time: 50 }, relayed(10, 90, 7, 100));
    const to = looked(
      { updates: 300, requests: 4, age_area: 4500, age_time: 450, latency_sum: 400, lost: 3 },
      relayed(110, 1990, 207, 1100),
    );
    expect(shown(from, to, 2)).toMatchObject({
      ...{ age_ms: 10, latency_ms: 2, updates_s: 100, requests_s: 2 },
      ...{ bytes_s: 1000, bytes_update: 10, cpu_us: 5, missed: 3 },
    });
  });

  it('are of payload where there is no relay, and unknown where nothing came', () => {
    const now = shown(looked({}), looked({ payload: 500 }), 1);
    expect([now.bytes_s, now.bytes_update, now.cpu_us, now.age_ms]).toEqual([500, NaN, NaN, NaN]);
  });

  it('notice another page on the same lanes', () => {
    const from = looked({}, relayed(0, 0));
    expect(isShared(from, looked({ payload: 100_000 }, relayed(500, 104_000)))).toBe(false);
    expect(isShared(from, looked({ payload: 100_000 }, relayed(1000, 207_000)))).toBe(true);
    expect(isShared(looked({}), looked({}))).toBe(false);
  });

  it('are of the last seconds alone', () => {
    const trail = new Trail<number>(1000);
    expect(trail.span()).toBeUndefined();
    for (let at = 0; at <= 5000; at += 250) trail.note(at, at * 2);
    expect(trail.span()).toEqual({ from: 8000, to: 10_000, seconds: 1 });
    trail.forget();
    trail.note(6000, 1);
    expect(trail.span()).toBeUndefined();
  });
});

describe('clock', () => {
  it('is one on one machine, but for drift', () => {
    expect(oneClock(1_000_000_700, 1_000_000)).toMatchObject({ offset_us: 0, error_us: 0 });
    expect(oneClock(1_000_000_000, 1_000_030)).toMatchObject({ offset_us: 30_500, error_us: 500 });
    expect(['localhost', '127.0.0.1', '[::1]', '10.0.0.7', 'example.org'].map(isHere)).toEqual([
      ...[true, true, true, false, false],
    ]);
  });

  it('is the most certain of what was measured, and stays so when lanes are delayed', () => {
    const none = { offset_us: 0, error_us: 0, source: 'unknown' } as const;
    const near = { offset_us: 900, error_us: 200, rtt_us: 400 };
    const far = { offset_us: 5000, error_us: 100_000, rtt_us: 200_000 };
    expect(mostCertain(none, [undefined])).toBe(none);
    const kept = mostCertain(none, [far, undefined, near]);
    expect(kept).toEqual({ offset_us: 900, error_us: 200, source: 'measured' });
    expect(mostCertain(kept, [far])).toEqual(kept);
  });
});

describe('where and what', () => {
  it('is in the address', () => {
    expect(readWishes('')).toEqual({ symbol: undefined, mode: 'every', poll_ms: 1000 });
    const wishes = { symbol: 'BTC-USD', mode: 'latest', poll_ms: 200 } as const;
    expect(readWishes(writeWishes(wishes))).toEqual(wishes);
    expect(writeWishes(readWishes('?poll_ms=nonsense&mode=other'))).toBe('');
    expect(readWishes('?poll_ms=1').poll_ms).toBe(50);
  });

  it('is the relays of a laboratory, or the server itself', () => {
    const here = new URL('http://host.example:8080/race.html');
    const lab = { lanes: LANES.map((name, i) => ({ name, port: 9000 + i })) } as LabState;
    expect(routes(lab, here)[4]).toEqual({ name: 'poll', url: 'http://host.example:9004' });
    expect(new Set(routes('none', here).map(({ url }) => url))).toEqual(
      new Set(['http://host.example:8080']),
    );
  });

  it('puts sliders at the nearest value', () => {
    expect([0, 8, 12, 20, 9999].map((value) => nearest([0, 5, 10, 20], value))).toEqual([
      ...[0, 2, 2, 3, 3],
    ]);
  });
});
