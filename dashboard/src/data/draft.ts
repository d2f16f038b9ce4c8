// A fence being drawn or edited. Steps are pure: each gives the next draft.
import type { Fence } from './fences';
import { removeVertex, shapeOf, type Point, type Shape, type Vertex } from './shape';

export interface Draft {
  /** Null while the fence is new. */
  id: string | null;
  /** The version that the edit began from; a save over another is refused. */
  version: number | null;
  shape: Shape;
  /** False while points are still being set. */
  closed: boolean;
  cursor: Point | null;
  active: Vertex | null;
  past: readonly Shape[];
  properties: Record<string, unknown>;
  /** What the server said of the last try, in its words. */
  error: string | null;
  /** Somebody else changed the fence meanwhile. */
  conflict: boolean;
  busy: boolean;
}

const STEPS_KEPT = 50;
const blank = { cursor: null, active: null, past: [], error: null, conflict: false, busy: false };

export function newDraft(): Draft {
  return { ...blank, id: null, version: null, shape: [[[]]], closed: false, properties: { name: '', detect: ['enter', 'exit'] } };
}

export function editDraft(f: Fence): Draft {
  return { ...blank, id: f.id, version: f.version, shape: shapeOf(f.geometry), closed: true, properties: { ...f.properties } };
}

export const points = (d: Draft): readonly Point[] => d.shape[0]?.[0] ?? [];

/** The next shape, with the one before kept for undo. */
export function step(d: Draft, shape: Shape): Draft {
  return shape === d.shape ? d : { ...d, shape, past: [...d.past, d.shape].slice(-STEPS_KEPT), error: null };
}

export function addPoint(d: Draft, p: Point): Draft {
  const last = points(d).at(-1);
  if (last && last[0] === p[0] && last[1] === p[1]) return d; // the second press of a double click
  return step(d, [[[...points(d), p]]]);
}

export function close(d: Draft): Draft {
  return d.closed || points(d).length < 3 ? d : { ...d, closed: true, cursor: null };
}

export function undo(d: Draft): Draft {
  const shape = d.past.at(-1);
  if (!shape) return d;
  const past = d.past.slice(0, -1);
  return { ...d, shape, past, active: null, closed: d.closed && (d.id !== null || (shape[0]?.[0]?.length ?? 0) >= 3), error: null };
}

export function removeActive(d: Draft): Draft {
  return d.active && d.closed ? { ...step(d, removeVertex(d.shape, d.active)), active: null } : d;
}

const DURATION = /^(\d+(\.\d+)?(ms|s|m|h))+$/;

/** What is wrong with the properties, before the server is asked; null when nothing is. */
export function complaint(p: Record<string, unknown>): string | null {
  const detect = Array.isArray(p.detect) ? p.detect : [];
  if (typeof p.name !== 'string' || !p.name.trim()) return 'Give the fence a name.';
  if (detect.includes('dwell') && !DURATION.test(String(p.dwell ?? ''))) return 'Say after how long dwell is reported, such as 5m or 90s.';
  if (detect.includes('speeding') && !(Number(p.speed_limit_kmh) > 0)) return 'Say which speed in km/h is too fast.';
  return null;
}
