import { describe, expect, it } from 'vitest';
import { addPoint, close, complaint, editDraft, newDraft, removeActive, undo } from './draft';
import { Fences, newId, readEvent, type FenceEvent } from './fences';
import { parseMessage } from './messages';
import { contains, geometryOf, insertVertex, midpoints, moveShape, moveVertex, removeVertex, shapeOf, type Point, type Shape } from './shape';

const ring = (x: number, r: number): [number, number][] => [[x - r, -r], [x + r, -r], [x + r, r], [x - r, r], [x - r, -r]];
const feature = (id: string, version = 1, name = id) => ({ type: 'Feature' as const, id, geometry: { type: 'Polygon' as const, coordinates: [ring(0, 1)] }, properties: { name, version, inside: 2, colour: 'red' } });
const rows = (r: object[]) => {
  const m = parseMessage(JSON.stringify({ topic: 'inside:fences', type: 'update', rows: r }));
  if (m.kind !== 'frame') throw new Error(m.kind);
  return m.frame;
};
const event = (id: string, ts: number, more: object = {}): FenceEvent => readEvent({ id, fence: 'a', kind: 'enter', device: 'd', stream: 's', ts: new Date(ts).toISOString(), lat: 1, lon: 2, ...more })!;

describe('Fences', () => {
  it('keeps what the client gave apart from what the server adds', () => {
    const f = new Fences();
    f.replace({ type: 'FeatureCollection', features: [feature('a')] });
    expect(f.all.get('a')).toMatchObject({ version: 1, inside: 2, properties: { name: 'a', colour: 'red' } });
    expect(f.all.get('a')!.properties).not.toHaveProperty('version');
  });

  it('takes counts, asks for versions it does not know, lets version 0 go', () => {
    const f = new Fences();
    f.replace({ type: 'FeatureCollection', features: [feature('a'), feature('b'), feature('c')] });
    expect(f.occupancy(rows([{ fence: 'a', inside: 9, version: 1 }, { fence: 'b', inside: 0, version: 2 }, { fence: 'c', inside: 0, version: 0 }, { fence: 'new', inside: 1, version: 5 }]))).toEqual(['b', 'new']);
    expect([f.all.get('a')!.inside, f.all.has('c'), f.counts]).toEqual([9, false, 2]);
  });

  it('orders events, replaces and takes back', () => {
    const f = new Fences();
    expect(f.event(event('1', 1000))).toBe(true);
    f.event(event('3', 3000));
    f.event(event('2', 2000));
    expect(f.events.map(e => e.id)).toEqual(['3', '2', '1']);
    f.event(event('2b', 2500, { replaces: '2' }));
    expect(f.events.map(e => e.id)).toEqual(['3', '2b', '1']);
    expect(f.event(event('3', 3000, { withdrawn: true }))).toBe(false);
    expect(f.event(event('1', 1000))).toBe(false);
    expect(f.events.map(e => e.id)).toEqual(['2b', '1']);
  });

  it('reads the messages of fences:*', () => {
    const m = parseMessage('{"topic":"fences:*","type":"update","event":{"id":"x","fence":"a","kind":"exit","ts":"2026-01-01T00:00:00Z","speed_kmh":null}}');
    expect(m).toMatchObject({ kind: 'events', all: false, events: [{ id: 'x', speed: null, withdrawn: false }] });
    expect(parseMessage('{"topic":"fences:*","type":"snapshot","rows":[{},null,{"fence":"a","kind":"exit"}]}')).toMatchObject({ all: true, events: [{ fence: 'a' }] });
  });

  it('makes ids that an address can hold', () => {
    expect(newId('Ünter den Linden!', 0)).toBe('u-nter-den-linden-0000');
    expect(newId('北', 0.5)).toMatch(/^fence-[0-9a-z]{4}$/);
  });
});

describe('shapes', () => {
  const holed: Shape = shapeOf({ type: 'MultiPolygon', coordinates: [[ring(0, 2), ring(0, 1)], [ring(9, 1)]] });
  it('come back as they went in', () => {
    expect(geometryOf(holed)).toEqual({ type: 'MultiPolygon', coordinates: [[ring(0, 2), ring(0, 1)], [ring(9, 1)]] });
    expect(geometryOf(shapeOf({ type: 'Polygon', coordinates: [ring(0, 1)] }))).toEqual({ type: 'Polygon', coordinates: [ring(0, 1)] });
  });
  it('know holes', () => {
    expect([[0, 0], [1.5, 0], [9, 0], [5, 0]].map(p => contains(holed, p as unknown as Point))).toEqual([false, true, true, false]);
  });
  it('move, gain and lose corners, and never fall under three', () => {
    const v = { part: 0, ring: 1, at: 0 };
    expect(moveVertex(holed, v, [7, 7])[0]![1]![0]).toEqual([7, 7]);
    expect(midpoints(holed).length).toBe(12);
    expect(insertVertex(holed, { part: 0, ring: 0, at: 4 }, [5, 5])[0]![0]!.at(-1)).toEqual([5, 5]);
    expect(moveShape(holed, 1, 2)[1]![0]![0]).toEqual([9, 1]);
    const three = removeVertex(holed, v);
    expect(three[0]![1]!.length).toBe(3);
    expect(removeVertex(three, v)[0]!.length).toBe(1);
    const triangle: Shape = [[[[0, 0], [1, 0], [0, 1]]]];
    expect(removeVertex(triangle, { part: 0, ring: 0, at: 0 })).toBe(triangle);
  });
});

describe('drafts', () => {
  it('are drawn, closed and taken back step by step', () => {
    let d = newDraft();
    for (const p of [[0, 0], [1, 0], [1, 0], [1, 1]] as const) d = addPoint(d, p);
    expect(close(undo(d)).closed).toBe(false);
    d = close(d);
    expect([d.closed, geometryOf(d.shape).coordinates[0]!.length]).toEqual([true, 4]);
    expect(undo(d)).toMatchObject({ closed: false });
  });
  it('lose the chosen corner', () => {
    const f = new Fences();
    f.put(feature('a', 4));
    const d = editDraft(f.all.get('a')!);
    expect(d.version).toBe(4);
    expect(removeActive({ ...d, active: { part: 0, ring: 0, at: 0 } }).shape[0]![0]!.length).toBe(3);
    expect(removeActive(d)).toBe(d);
  });
  it('are complained about before the server is asked', () => {
    expect(complaint({ name: ' ' })).toMatch(/name/);
    expect(complaint({ name: 'a', detect: ['dwell'], dwell: 'soon' })).toMatch(/dwell/);
    expect(complaint({ name: 'a', detect: ['speeding'] })).toMatch(/speed/);
    expect(complaint({ name: 'a', detect: ['dwell', 'speeding'], dwell: '1m30s', speed_limit_kmh: 30 })).toBeNull();
  });
});
