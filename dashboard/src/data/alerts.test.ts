import { describe, expect, it } from 'vitest';
import { Alerts, placeOf, readAlert, type Alert } from './alerts';
import { parseMessage } from './messages';

const alert = (id: string, state = 'firing', more: object = {}): Alert =>
  readAlert({ id, alert: 'hot', key: id, state, severity: 'warning', condition: 'temp > 80', since: '2026-01-01T00:00:00Z', value: 85, acknowledged_by: null, ...more })!;

describe('Alerts', () => {
  it('reads what the socket gives, and nothing without a name', () => {
    const m = parseMessage(JSON.stringify({ topic: 'alerts:*', type: 'update', seq: 1, alert: { id: 'a', alert: 'hot', key: 'x', state: 'firing', since: '2026-01-01T00:00:00Z', value: null } }));
    expect(m).toMatchObject({ kind: 'alerts', all: false, alerts: [{ id: 'a', since: Date.UTC(2026, 0, 1), value: null, silences: [] }] });
    expect(parseMessage(JSON.stringify({ topic: 'alerts:*', type: 'snapshot', rows: [{ id: 'a', alert: 'hot' }, { alert: 'no id' }, null] }))).toMatchObject({ kind: 'alerts', all: true, alerts: [{ id: 'a' }] });
  });

  it('keeps what stands, the worst that wants somebody first', () => {
    const a = new Alerts();
    a.replace([alert('done', 'resolved'), alert('warn'), alert('late', 'firing', { since: '2026-01-01T01:00:00Z' }), alert('mine', 'acknowledged', { severity: 'critical' })]);
    expect(a.step(alert('bad', 'firing', { severity: 'critical' }))).toBe(true);
    expect(a.step(alert('odd', 'firing', { severity: 'odd' }))).toBe(true);
    expect(a.list().map(x => x.id)).toEqual(['bad', 'late', 'warn', 'odd', 'mine']);
    expect(a.open()).toEqual({ count: 4, worst: 'critical' });
    expect(a.step(alert('bad', 'acknowledged'))).toBe(false);
    a.step(alert('warn', 'resolved'));
    expect(a.list().map(x => x.id)).toEqual(['late', 'odd', 'mine', 'bad']);
  });

  it('learns of silences from the list, and keeps them over steps', () => {
    const a = new Alerts();
    a.replace([alert('a'), alert('b')]);
    const listed = [alert('a', 'firing', { silenced_by: ['s1'] }), alert('never seen', 'firing', { silenced_by: ['s1'] })];
    expect([a.silenced(listed), a.silenced(listed)]).toEqual([true, false]);
    expect(a.list().map(x => x.id)).toEqual(['b', 'a']);
    expect(a.open()).toEqual({ count: 1, worst: 'warning' });
    a.step(alert('a', 'acknowledged'));
    expect(a.list()[1]).toMatchObject({ state: 'acknowledged', silences: ['s1'] });
    expect(new Alerts().open()).toEqual({ count: 0, worst: null });
  });
});

describe('placeOf', () => {
  const fences = (id: string): boolean => id === 'depot', devices = (id: string): boolean => id === 'bus-1' || id === 'a/b';
  it('finds cells, fences and devices', () => {
    expect(placeOf('8928308280fffff', fences, devices)).toMatchObject({ kind: 'cell', cell: '8928308280fffff' });
    expect(placeOf('bus-1/depot', fences, devices)).toEqual({ kind: 'device', id: 'bus-1' });
    expect(placeOf('gone/depot', fences, devices)).toEqual({ kind: 'fence', id: 'depot' });
    expect(placeOf('a/b', fences, devices)).toEqual({ kind: 'device', id: 'a/b' });
    expect(placeOf('unseen/x', fences, devices)).toEqual({ kind: 'device', id: 'unseen' });
    expect(placeOf('', fences, devices)).toBeNull();
  });
});
