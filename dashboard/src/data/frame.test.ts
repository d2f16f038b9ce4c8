import { describe, expect, it } from 'vitest';
import { encodeFrame, type Kind } from '../../e2e/frames.mjs';
import { decodeFrames, numbers, texts } from './frame';

type Columns = Parameters<typeof encodeFrame>[5];
const bytes = (...frames: Uint8Array[]): ArrayBuffer => {
  const all = new Uint8Array(frames.reduce((n, f) => n + f.length, 0));
  let at = 0;
  for (const f of frames) {
    all.set(f, at);
    at += f.length;
  }
  return all.buffer;
};
const ok: Columns = [
  ['id', 'string', ['a', 'bus-42', 'é✓']],
  ['lat', 'f64', [1.5, 2.5, NaN]],
  ['speed_kmh', 'f32', [10, 0.5, NaN]],
  ['cell', 'cell', ['8928308280fffff', '', '872830828ffffff']],
  ['final', 'bool', [true, false, true]],
];

describe('decodeFrames', () => {
  it('reads every kind of column, NULLs included', () => {
    const { frames, problems } = decodeFrames(bytes(encodeFrame('positions:vehicles', 'snapshot', 7, 1234.5, 3, ok)));
    expect(problems).toEqual([]);
    const f = frames[0]!;
    expect([f.topic, f.type, f.seq, f.watermark, f.rows]).toEqual(['positions:vehicles', 'snapshot', 7, 1234.5, 3]);
    expect(texts(f, 'id')).toEqual(['a', 'bus-42', 'é✓']);
    expect([...numbers(f, 'lat')!]).toEqual([1.5, 2.5, NaN]);
    expect([...numbers(f, 'speed_kmh')!]).toEqual([10, 0.5, NaN]);
    expect(texts(f, 'cell')).toEqual(['8928308280fffff', '', '872830828ffffff']);
    expect(f.columns.get('final')).toEqual({ kind: 'bool', values: Uint8Array.of(1, 0, 1) });
    expect(numbers(f, 'id')).toBeNull();
    expect(numbers(f, 'none')).toBeNull();
  });

  it('reads several frames of one message, and frames without rows or columns', () => {
    const { frames } = decodeFrames(bytes(
      encodeFrame('a', 'update', 1, null, 0, []), encodeFrame('eightlen', 'update', 2, 0, 0, [['id', 'string', []]]), encodeFrame('', 'snapshot', 3, 5, 3, ok),
    ));
    expect(frames.map(f => [f.topic, f.watermark, f.rows])).toEqual([['a', null, 0], ['eightlen', 0, 0], ['', 5, 3]]);
  });

  it('skips a frame of a newer version and a column of an unknown kind, and says so', () => {
    const odd: Columns = [['x', 'other' as Kind, ['1', '2', '3']], ...ok];
    const { frames, problems } = decodeFrames(bytes(
      encodeFrame('new', 'update', 1, 0, 3, ok, 2), encodeFrame('known', 'update', 2, 0, 3, odd),
    ));
    expect(frames.map(f => f.topic)).toEqual(['known']);
    expect([...frames[0]!.columns.keys()]).toEqual(['id', 'lat', 'speed_kmh', 'cell', 'final']);
    expect(problems).toHaveLength(2);
  });

  it('never throws, whatever bytes come', () => {
    const good = new Uint8Array(bytes(encodeFrame('positions:vehicles', 'update', 7, 1, 3, ok)));
    for (let cut = 0; cut < good.length; cut++) decodeFrames(good.slice(0, cut).buffer);
    let seed = 1;
    const random = (n: number): number => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) % n;
    for (let round = 0; round < 20_000; round++) {
      const bad = good.slice();
      for (let k = 0; k <= round % 4; k++) bad[random(bad.length)] = random(256);
      decodeFrames(bad.buffer);
    }
  });

  it('does not believe a row count that its columns cannot hold', () => {
    const f = encodeFrame('t', 'update', 1, 0, 1_000_000, [['lat', 'f64', [1]], ['id', 'string', ['a']], ['c', 'cell', ['1']]]);
    const { frames, problems } = decodeFrames(bytes(f));
    expect(frames[0]!.columns.size).toBe(0);
    expect(problems).toHaveLength(3);
  });
});
