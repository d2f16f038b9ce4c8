import { expect, it } from 'vitest';
import type { Column, Frame } from './frame';
import { Heat } from './heat';

const frame = (type: 'snapshot' | 'update', rows: [cell: string, value: number, start: number][]): Frame => {
  const column = (f: (r: [string, number, number]) => number): Column => ({ kind: 'number', values: Float64Array.from(rows, f) });
  return {
    topic: 'view:v', type, seq: 1, watermark: null, rows: rows.length,
    columns: new Map<string, Column>([['cell', { kind: 'cell', values: rows.map(r => r[0]) }], ['avg', column(r => r[1])], ['window_start', column(r => r[2])], ['window_end', column(r => r[2] + 10_000)]]),
  };
};
const shown = (h: Heat): Record<string, number> => {
  h.refresh();
  return Object.fromEntries(h.cells.map(c => [c.cell, c.value]));
};

it('shows each cell its newest window, revisions included', () => {
  const h = new Heat('v', 'cell', 'avg');
  h.apply(frame('snapshot', [['a', 1, 10_000], ['b', 2, 10_000], ['', 9, 10_000], ['n', NaN, 10_000]]));
  h.apply(frame('update', [['a', 3, 20_000], ['b', 4, 10_000], ['a', 99, 0]]));
  expect(shown(h)).toEqual({ a: 3, b: 4 });
  h.apply(frame('snapshot', [['c', 5, 20_000]]));
  expect(shown(h)).toEqual({ c: 5 });
  const same = h.cells;
  expect(h.refresh()).toBe(false);
  expect(h.cells).toBe(same);
});

it('lets cells go that no window renewed', () => {
  const h = new Heat('v', 'cell', 'avg');
  h.apply(frame('update', [['old', 1, 0], ['new', 1, 0]]));
  h.apply(frame('update', [['new', 2, 300_000]]));
  expect(shown(h)).toEqual({ old: 1, new: 2 });
  expect(h.age(h.get('old')!)).toBe(1);
  h.apply(frame('update', [['new', 2, 310_000]]));
  expect(shown(h)).toEqual({ new: 2 });
});

it('survives frames without its columns', () => {
  const h = new Heat('v', 'cell', 'missing');
  h.apply(frame('update', [['a', 1, 0]]));
  expect(shown(h)).toEqual({});
});
