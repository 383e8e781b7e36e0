/** The small rules: sequence numbers, backoff, close codes, clock offset, cursors. */
import { describe, expect, it } from 'vitest';
import { Backoff, comeBack } from '../src/backoff.ts';
import { ClockOffset } from '../src/clock.ts';
import type { Data, Subscribed } from '../src/index.ts';
import { SequenceCheck } from '../src/sequence.ts';
import { Subscription } from '../src/subscription.ts';

const trade = (n: number, o = n, more: object = {}): Data => ({
  ...{ T: 't', S: 'A', n, o, ts: 1, p: 1, v: 1, d: 0, places: 0 },
  ...(more as object as { snap: 1 }),
});
const merged = (n0: number, n: number): Data =>
  ({ ...trade(n), T: 'm', n0, ts0: 1, O: 1, H: 1, L: 1, c: n - n0 + 1 }) as Data;
const gap = (from: number, to: number): Parameters<SequenceCheck['gap']>[0] => ({
  ...{ T: 'gap', S: 'A', ch: 'trades', from, to, why: 'history' },
});

describe('sequence check', () => {
  it('is content with consecutive events, merged or not', () => {
    const check = new SequenceCheck();
    const found = [trade(5), trade(6), merged(7, 11), trade(12)].map((m) => check.data(m));
    expect(found).toEqual([undefined, undefined, undefined, undefined]);
  });

  it('reports a hole that nobody announced', () => {
    const check = new SequenceCheck();
    check.data(trade(5));
    expect(check.data(merged(8, 9))).toMatchObject({ from: 6, to: 7, why: 'unannounced' });
    expect(check.data(trade(10))).toBeUndefined();
  });

  it('reports an announced hole once, from our own last number', () => {
    const check = new SequenceCheck();
    check.data(trade(5));
    expect(check.gap(gap(1, 8))).toMatchObject({ from: 6, to: 8, why: 'history' });
    expect(check.data(trade(9, 9, { snap: 1 }))).toBeUndefined();
    expect(check.gap(gap(1, 8))).toBeUndefined();
  });

  it('counts repeats, but not those of a snapshot', () => {
    const check = new SequenceCheck();
    [trade(5), trade(5, 5, { snap: 1 }), trade(5)].forEach((m) => check.data(m));
    expect(check.repeats).toBe(1);
  });

  it('numbers channels and symbols on their own, and forgets what was unsubscribed', () => {
    const check = new SequenceCheck();
    check.data(trade(5));
    expect(check.data({ ...trade(90), S: 'B' })).toBeUndefined();
    check.leave(['A'], ['trades']);
    expect([check.known(trade(6)), check.data(trade(6)), check.repeats]).toEqual([
      ...[true, undefined, 0],
    ]);
    check.confirm({ matches: (symbol) => symbol === 'A' });
    expect([check.known(trade(50)), check.data(trade(50))]).toEqual([false, undefined]);
    expect(check.data(trade(52))).toMatchObject({ from: 51, to: 51 });
  });
});

describe('coming back', () => {
  it('follows the ranges of close codes', () => {
    expect([4001, 4099].map(comeBack)).toEqual(['never', 'never']);
    expect([1000, 1006, 1012, 4100, 4199].map(comeBack)).toEqual(Array(5).fill('backoff'));
    expect([4200, 4299].map(comeBack)).toEqual(['at-once', 'at-once']);
  });

  it('draws from zero to a ceiling that doubles from 250 ms to 20 s', () => {
    const ceilings = new Backoff(() => 1);
    const delays = Array.from({ length: 9 }, () => ceilings.nextMs('backoff'));
    expect(delays).toEqual([250, 500, 1000, 2000, 4000, 8000, 16_000, 20_000, 20_000]);
    expect(new Backoff(() => 0).nextMs('backoff')).toBe(0);
    ceilings.reset();
    expect(ceilings.nextMs('backoff')).toBe(250);
  });

  it('honours the server, and believes "at once" once', () => {
    const backoff = new Backoff(() => 1);
    expect(backoff.nextMs('backoff', 3250)).toBe(3250);
    backoff.reset();
    expect(backoff.nextMs('at-once')).toBe(0);
    expect(backoff.nextMs('at-once')).toBe(500);
  });
});

describe('clock offset', () => {
  it('believes the quickest round trip and says how wrong it can be', () => {
    const clock = new ClockOffset();
    expect(clock.best).toBeUndefined();
    clock.add(1000, 6500, 3000);
    clock.add(2000, 7100, 2200);
    clock.add(3000, 9000, 5000);
    expect(clock.best).toEqual({ offset_us: 5000, error_us: 100, rtt_us: 200 });
  });
});

describe('cursor', () => {
  const answer = (cursor: string, recovered?: boolean): Subscribed => ({
    ...{ T: 'subscribed', symbols: ['A'], channels: ['trades'], mode: 'every', cursor },
    ...(recovered === undefined ? {} : { recovered }),
  });

  it('follows snapshot and events, and is sent as since', () => {
    const one = new Subscription(1, { symbols: ['A'] });
    expect(one.message()['since']).toBeUndefined();
    one.accept(answer('e:50'));
    expect(one.cursor).toBeUndefined();
    one.received(trade(3, 40, { snap: 1 }));
    one.received(trade(4, 60));
    one.safe(55);
    expect(one.message()).toMatchObject({ since: 'e:60', id: 1, symbols: ['A'] });
  });

  it('does not move on snapshots among replayed events, nor before the answer', () => {
    const one = new Subscription(1, { symbols: ['A'], since: 'e:10' });
    one.safe(99);
    expect(one.cursor).toBe('e:10');
    one.accept(answer('e:10', false));
    one.received(trade(9, 90, { snap: 1 }));
    expect(one.cursor).toBe('e:10');
    one.received(trade(10, 91));
    expect(one.cursor).toBe('e:91');
  });

  it('starts afresh in another epoch', () => {
    const one = new Subscription(1, { symbols: ['A'], since: 'e:10' });
    one.accept(answer('f:3', false));
    expect(one.cursor).toBeUndefined();
    one.received(trade(1, 2, { snap: 1 }));
    expect(one.cursor).toBe('f:2');
  });
});
