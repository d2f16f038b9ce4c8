import { describe, expect, it } from 'vitest';
import { numbers, texts } from './frame';
import { parseMessage } from './messages';

describe('parseMessage', () => {
  it('turns JSON positions into the columns of a frame', () => {
    const m = parseMessage(JSON.stringify({
      topic: 'positions:vehicles', type: 'update', seq: 3, watermark: '2026-01-01T00:00:00Z',
      positions: [{ id: 'a', lat: 1, lon: 2, speed_kmh: null, heading: 90, ts: '2026-01-01T00:00:01Z' }, { id: 'b', lat: 3, lon: 4 }],
    }));
    if (m.kind !== 'frame') throw new Error(m.kind);
    expect(m.frame.watermark).toBe(Date.UTC(2026, 0, 1));
    expect(texts(m.frame, 'id')).toEqual(['a', 'b']);
    expect([...numbers(m.frame, 'speed_kmh')!]).toEqual([NaN, NaN]);
    expect([...numbers(m.frame, 'ts')!]).toEqual([Date.UTC(2026, 0, 1, 0, 0, 1), NaN]);
  });

  it('reads view rows, status and errors', () => {
    const v = parseMessage('{"topic":"view:v","type":"snapshot","seq":1,"watermark":null,"rows":[{"cell":"89","n":2,"window_start":"2026-01-01T00:00:00Z","final":true}]}');
    if (v.kind !== 'frame') throw new Error(v.kind);
    expect(v.frame.columns.get('final')).toEqual({ kind: 'bool', values: Uint8Array.of(1) });
    expect(parseMessage('{"topic":"status:core","type":"update","status":{"edges":2,"event_lag_ms":null,"disk_full":true}}'))
      .toMatchObject({ kind: 'status', status: { edges: 2, event_lag_ms: null, viewers: 0, disk_full: true } });
    expect(parseMessage('{"type":"error","message":"no such topic"}')).toEqual({ kind: 'error', message: 'no such topic' });
  });

  it.each(['', 'null', '[]', '{}', '{"topic":1}', '{"topic":"x","type":"later","rows":[]}'])('skips %j', text => {
    expect(parseMessage(text).kind).toBe('unknown');
  });
});
