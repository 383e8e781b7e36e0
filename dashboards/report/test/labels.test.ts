import { describe, expect, it } from 'vitest';
import { spread } from '../src/labels.ts';

describe('labels at the ends of lines', () => {
  it('stay where their lines end as long as there is room', () => {
    expect(spread([10, 40, 90], 15, 0, 100)).toEqual([10, 40, 90]);
  });

  it('share what is too narrow around its middle', () => {
    expect(spread([50, 50, 50], 10, 0, 100)).toEqual([40, 50, 60]);
    expect(spread([50, 52], 10, 0, 100)).toEqual([46, 56]);
  });

  it('never overlap, never leave the chart, and keep their order, wherever lines end', () => {
    let seed = 7;
    const random = (): number => (seed = (seed * 16807) % 2147483647) / 2147483647;
    for (let round = 0; round < 500; round++) {
      const wanted = Array.from({ length: 1 + (round % 8) }, () => random() * 200);
      wanted.sort((a, b) => a - b);
      const places = spread(wanted, 15, 0, 200);
      expect(places).toHaveLength(wanted.length);
      places.forEach((place, index) => {
        expect(place).toBeGreaterThanOrEqual(-1e-9);
        expect(place).toBeLessThanOrEqual(200 + 1e-9);
        if (index > 0) expect(place - places[index - 1]!).toBeGreaterThanOrEqual(15 - 1e-9);
      });
    }
  });
});
