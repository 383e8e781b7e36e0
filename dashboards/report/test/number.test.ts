import { describe, expect, it } from 'vitest';
import { digits, padded, percentile, quantity, time } from '../src/number.ts';
import { decades, logRange, nines } from '../src/scale.ts';

describe('numbers', () => {
  it('have three digits, and zeros behind them where they stand below each other', () => {
    const values = [0, 0.0999999, 0.5, 1.9, 20, 505.3, 12345.6];
    expect(values.map(digits)).toEqual(['0', '0.1', '0.5', '1.9', '20', '505', '12,346']);
    expect([0.0999999, 0.5, 1.9, 20].map(padded)).toEqual(['0.100', '0.500', '1.90', '20.0']);
  });

  it('have the unit of time that fits', () => {
    const texts = [0, 0.312, 1.24, 999.6, 2310].map((ms) => time(ms));
    expect(texts).toEqual(['0', '312 µs', '1.24 ms', '1 s', '2.31 s']);
    expect(quantity(12, 'B')).toBe('12 B');
  });

  it('name percentiles by their nines', () => {
    const names = [0, Math.log10(2), 1, 2, 3, 4].map(percentile);
    expect(names).toEqual(['least', 'p50', 'p90', 'p99', 'p99.9', 'p99.99']);
  });
});

describe('axes', () => {
  it('name the percentiles that they reach', () => {
    expect(nines(2.5).map(percentile)).toEqual(['least', 'p50', 'p90', 'p99']);
  });

  it('end on 1, 2 or 5 of a power of ten, around what they show', () => {
    expect(logRange(0.3, 640)).toEqual([expect.closeTo(0.2), expect.closeTo(1000)]);
    expect(logRange(0, 0)).toEqual([expect.closeTo(0.01), expect.closeTo(0.1)]);
  });

  it('have ticks at 2 and 5 only where there is room', () => {
    expect(decades(1, 100, 20)).toEqual([1, 2, 5, 10, 20, 50, 100]);
    expect(decades(0.01, 1000, 10)).toEqual([0.01, 0.1, 1, 10, 100, 1000]);
  });
});
