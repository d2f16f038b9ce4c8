import { describe, expect, it } from 'vitest';
import { Fleet, median, progress, Shape, shapeOf, turnBetween } from './fleet';
import type { Column, Frame } from './frame';

type Row = [id: string, lon: number, lat: number, speed: number, heading: number, ts: number];
const frame = (type: 'snapshot' | 'update', ...rows: Row[]): Frame => {
  const column = (i: number): Column => ({ kind: 'number', values: Float64Array.from(rows, r => r[i] as number) });
  return {
    topic: 'positions:vehicles', type, seq: 1, watermark: null, rows: rows.length,
    columns: new Map<string, Column>([['id', { kind: 'text', values: rows.map(r => r[0]) }], ['lon', column(1)], ['lat', column(2)], ['speed_kmh', column(3)], ['heading', column(4)], ['ts', column(5)]]),
  };
};
const drawn = (f: Fleet, id: string): number[] => [...f.at.subarray(2 * f.find(id), 2 * f.find(id) + 2)];

describe('Fleet', () => {
  it('glides from where a device is drawn to where it was seen', () => {
    const f = new Fleet('dark');
    f.apply(frame('snapshot', ['a', 10, 50, 30, 90, 1000]), 1000, true);
    f.advance(1000);
    expect(drawn(f, 'a')).toEqual([10, 50]);
    f.apply(frame('update', ['a', 10.001, 50, 30, 90, 2000]), 2000, true);
    f.advance(2500);
    expect(drawn(f, 'a')[0]).toBeCloseTo(10.0005, 6);
    expect(f.advance(3000)).toBe(false);
    expect(drawn(f, 'a')).toEqual([10.001, 50]);
    const { moves } = f;
    f.advance(3100);
    expect(f.moves).toBe(moves); // at rest nothing is sent to the GPU
  });

  it('starts the next glide where it is, so nothing jumps when a report is early', () => {
    const f = new Fleet('dark');
    f.apply(frame('update', ['a', 0, 0, 30, 0, 1000]), 1000, true);
    f.apply(frame('update', ['a', 0, 0.001, 30, 0, 2000]), 2000, true);
    f.advance(2400);
    const before = drawn(f, 'a');
    f.apply(frame('update', ['a', 0, 0.002, 30, 0, 2400]), 2400, true);
    f.advance(2400);
    expect(drawn(f, 'a')).toEqual(before);
  });

  it('jumps when motion is not wanted and when the way is too long', () => {
    const f = new Fleet('dark');
    f.apply(frame('update', ['a', 0, 0, 30, 0, 1000]), 1000, false);
    f.apply(frame('update', ['a', 0.001, 0, 30, 0, 2000]), 2000, false);
    f.advance(2000);
    expect(drawn(f, 'a')).toEqual([0.001, 0]);
    f.apply(frame('update', ['a', 179, 0, 30, 0, 3000]), 3000, true);
    f.advance(3000);
    expect(drawn(f, 'a')).toEqual([179, 0]);
  });

  it('keeps the newer of two positions and skips what has none', () => {
    const f = new Fleet('dark');
    f.apply(frame('update', ['a', 1, 1, 30, 0, 2000], ['', 3, 3, 0, 0, 0], ['b', NaN, 1, 0, 0, 0]), 2000, false);
    f.apply(frame('update', ['a', 5, 5, 30, 0, 1500]), 2100, false);
    expect(f.n).toBe(1);
    expect(f.state('a')).toMatchObject({ lon: 1, lat: 1, ts: 2000 });
  });

  it('a snapshot says who is there; removal keeps the others whole', () => {
    const f = new Fleet('dark');
    const many = Array.from({ length: 600 }, (_, i): Row => [`v${i}`, i / 1000, 1, 20, 90, 1000]);
    f.apply(frame('snapshot', ...many), 1000, false);
    f.apply(frame('snapshot', ...many.filter((_, i) => i % 3 === 0).map((r): Row => [r[0], r[1], 2, 20, 90, 2000])), 2000, false);
    f.advance(2000);
    expect(f.n).toBe(200);
    for (let i = 0; i < 600; i += 3) expect(drawn(f, `v${i}`)).toEqual([i / 1000, 2]);
    expect(f.find('v1')).toBe(-1);
    expect(f.countIn([0, 0, 0.0301, 3])).toBe(11);
    expect(f.countIn([359, 0, 360.0301, 3])).toBe(11);
    expect(f.countIn([-200, 0, -100, 3])).toBe(0);
  });

  it('turns grey by silence, later for those that report seldom', () => {
    const f = new Fleet('dark');
    for (let t = 0; t <= 200_000; t += 1000) {
      const rows: Row[] = [['often', 0, 0, 30, 0, t]];
      if (t % 20_000 === 0) rows.push(['seldom', 0, 0, 30, 0, t]);
      f.apply(frame('update', ...rows), t, false);
    }
    f.restyle(230_000);
    expect(f.state('often')!.shape).toBe(Shape.stale);
    expect(f.state('seldom')!.shape).toBe(Shape.moving);
    const { version } = f;
    f.restyle(230_500);
    expect(f.version).toBe(version);
  });

  it('is not fooled by one clock that runs ahead', () => {
    const f = new Fleet('dark');
    f.apply(frame('snapshot', ['fast', 0, 0, 30, 0, 9e9], ...Array.from({ length: 9 }, (_, i): Row => [`v${i}`, 0, 0, 30, 0, 1000 + i])), 5000, false);
    expect(f.state('v3')!.shape).toBe(Shape.moving);
  });

  it('forgets silent devices outside the map', () => {
    const f = new Fleet('dark');
    f.apply(frame('update', ['in', 0, 0, 1, 0, 1], ['out', 50, 0, 1, 0, 1]), 1000, false);
    f.prune(60_000, [-1, -1, 1, 1]);
    expect(f.ids).toEqual(['in']);
  });

  it('finds by id, beginnings first', () => {
    const f = new Fleet('dark');
    f.apply(frame('update', ...['tram-1', 'bus-12', 'bus-1', 'x-bus-1'].map((id): Row => [id, 0, 0, 0, 0, 1])), 1, false);
    expect(f.search('BUS-1', 3)).toEqual(['bus-1', 'bus-12', 'x-bus-1']);
    expect(f.search('  ', 3)).toEqual([]);
  });
});

it('shapes tell state', () => {
  expect([shapeOf(30, 90, false), shapeOf(0.5, 90, false), shapeOf(30, 90, true), shapeOf(NaN, NaN, false), shapeOf(NaN, 90, false), shapeOf(NaN, NaN, true)])
    .toEqual([Shape.moving, Shape.idle, Shape.stale, Shape.sensor, Shape.moving, Shape.stale]);
});

it('progress runs from 0 to 1 and stays there', () => {
  expect([-10, 0, 500, 1000, 5000].map(t => progress(t, 1000))).toEqual([0, 0, 0.5, 1, 1]);
  expect(progress(0, 0)).toBe(1);
});

it('turns the short way', () => {
  expect([turnBetween(350, 10), turnBetween(10, 350), turnBetween(0, 180), turnBetween(90, NaN), turnBetween(-720, 30)]).toEqual([20, -20, -180, 0, 30]);
});

it('median ignores what is no time', () => {
  expect(median([5, NaN, 1, 9])).toBe(5);
  expect(median([])).toBeNaN();
  expect(median(null)).toBeNaN();
});
