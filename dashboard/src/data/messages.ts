// Text messages of the live socket. Positions and rows become the same frames as the binary encoding
// gives, so nothing behind this file knows which of the two the server chose.
import { readAlert, type Alert } from './alerts';
import { readEvent, type FenceEvent } from './fences';
import type { Column, Frame } from './frame';

export interface Status {
  readings_total: number;
  readings_per_s: number;
  bytes_per_reading: number | null;
  edges: number;
  viewers: number;
  devices: number;
  event_lag_ms: number | null;
  disk_full: boolean; // the core's: it applies nothing
}

export type Message =
  | { kind: 'frame'; frame: Frame }
  | { kind: 'status'; status: Status }
  | { kind: 'events'; all: boolean; events: FenceEvent[] }
  | { kind: 'alerts'; all: boolean; alerts: Alert[] }
  | { kind: 'error'; message: string }
  | { kind: 'unknown'; why: string };

type Record_ = Record<string, unknown>;
const isRecord = (v: unknown): v is Record_ => typeof v === 'object' && v !== null && !Array.isArray(v);
const number = (v: unknown): number => (typeof v === 'number' ? v : 0);
const numberOrNull = (v: unknown): number | null => (typeof v === 'number' ? v : null);
const TIME_COLUMNS = new Set(['ts', 'window_start', 'window_end']);

export function parseMessage(text: string): Message {
  let m: unknown;
  try {
    m = JSON.parse(text);
  } catch {
    return { kind: 'unknown', why: 'not JSON' };
  }
  if (!isRecord(m)) return { kind: 'unknown', why: 'not an object' };
  if (m.type === 'error') return { kind: 'error', message: String(m.message ?? 'unknown error') };
  if (isRecord(m.status)) return { kind: 'status', status: parseStatus(m.status) };
  if (typeof m.topic === 'string' && m.topic.startsWith('fences:')) {
    const given = Array.isArray(m.rows) ? m.rows : [m.event];
    return { kind: 'events', all: m.type === 'snapshot', events: given.map(readEvent).filter(e => e !== null) };
  }
  if (typeof m.topic === 'string' && m.topic.startsWith('alerts:')) {
    const given = Array.isArray(m.rows) ? m.rows : [m.alert];
    return { kind: 'alerts', all: m.type === 'snapshot', alerts: given.map(readAlert).filter(a => a !== null) };
  }
  const rows = Array.isArray(m.positions) ? m.positions : Array.isArray(m.rows) ? m.rows : null;
  if (!rows || typeof m.topic !== 'string' || (m.type !== 'snapshot' && m.type !== 'update')) {
    return { kind: 'unknown', why: `type ${String(m.type)} of ${String(m.topic)}` };
  }
  return {
    kind: 'frame',
    frame: {
      topic: m.topic,
      type: m.type,
      seq: number(m.seq),
      watermark: typeof m.watermark === 'string' ? finite(Date.parse(m.watermark)) : null,
      rows: rows.length,
      columns: toColumns(rows.filter(isRecord), rows.length),
    },
  };
}

function finite(v: number): number | null {
  return Number.isFinite(v) ? v : null;
}

function parseStatus(s: Record_): Status {
  return {
    readings_total: number(s.readings_total),
    readings_per_s: number(s.readings_per_s),
    bytes_per_reading: numberOrNull(s.bytes_per_reading),
    edges: number(s.edges),
    viewers: number(s.viewers),
    devices: number(s.devices),
    event_lag_ms: numberOrNull(s.event_lag_ms),
    disk_full: s.disk_full === true,
  };
}

function toColumns(rows: Record_[], count: number): Map<string, Column> {
  const names = new Set<string>();
  for (const r of rows) for (const k of Object.keys(r)) names.add(k);
  const columns = new Map<string, Column>();
  for (const name of names) columns.set(name, toColumn(rows, count, name));
  return columns;
}

function toColumn(rows: Record_[], count: number, name: string): Column {
  const known = rows.find(r => r[name] !== null && r[name] !== undefined)?.[name];
  if (typeof known === 'boolean') {
    return { kind: 'bool', values: Uint8Array.from({ length: count }, (_, i) => (rows[i]?.[name] === true ? 1 : 0)) };
  }
  if (typeof known === 'string' && !TIME_COLUMNS.has(name)) {
    return { kind: 'text', values: Array.from({ length: count }, (_, i) => String(rows[i]?.[name] ?? '')) };
  }
  const value = (v: unknown): number =>
    typeof v === 'number' ? v : typeof v === 'string' ? Date.parse(v) : Number.NaN;
  return { kind: 'number', values: Float64Array.from({ length: count }, (_, i) => value(rows[i]?.[name])) };
}
