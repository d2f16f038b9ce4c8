import { describe, expect, it } from 'vitest';
import { heatColour, heatDomain, ramp, speedColour, SPEED, SPEED_STOPS, type Rgb } from './colours';

describe('ramp', () => {
  const stops = [0, 10, 20], colours: Rgb[] = [[0, 0, 0], [100, 0, 0], [100, 200, 0]];
  it('is exact on stops, linear between, clamped outside', () => {
    expect([-5, 0, 5, 10, 15, 20, 99].map(x => ramp(x, stops, colours)))
      .toEqual([[0, 0, 0], [0, 0, 0], [50, 0, 0], [100, 0, 0], [100, 100, 0], [100, 200, 0], [100, 200, 0]]);
  });
  it('takes NaN for the lowest', () => expect(ramp(NaN, stops, colours)).toEqual([0, 0, 0]));
});

it('speed has a colour per stop in both themes', () => {
  for (const t of ['dark', 'light'] as const) SPEED_STOPS.forEach((v, i) => expect(speedColour(v, t)).toEqual(SPEED[t][i]));
});

it('heat grows brighter all the way, so it reads without colour', () => {
  const brightness = (c: Rgb): number => 0.2126 * c[0] + 0.7152 * c[1] + 0.0722 * c[2];
  for (let t = 0.02; t <= 1; t += 0.02) expect(brightness(heatColour(t))).toBeGreaterThanOrEqual(brightness(heatColour(t - 0.02)));
});

describe('heatDomain', () => {
  it('has round ends around the bulk of the values', () => {
    expect(heatDomain([12, 18, 31, 44, 47], null)).toEqual([10, 50]);
    const many = Array.from({ length: 200 }, (_, i) => 20 + i / 10);
    expect(heatDomain([...many, 9000], null)![1]).toBeLessThan(50);
  });
  it('is null without values and has width with one', () => {
    expect(heatDomain([], null)).toBeNull();
    expect(heatDomain([NaN], null)).toBeNull();
    for (const v of [0, 7, -3]) {
      const d = heatDomain([v], null)!;
      expect(d[1]).toBeGreaterThan(d[0]);
      expect(d[0]).toBeLessThanOrEqual(v);
      expect(d[1]).toBeGreaterThanOrEqual(v);
    }
  });
  it('stays put while it fits and moves when it does not', () => {
    expect(heatDomain([13, 49], [10, 50])).toEqual([10, 50]);
    expect(heatDomain([13, 90], [10, 50])![1]).toBeGreaterThanOrEqual(90);
  });
});
