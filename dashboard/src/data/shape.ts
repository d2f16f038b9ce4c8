// The polygon under an operator's hands: rings of points without the closing one, changed by pure steps.
// Holes and several parts are edited like any other ring.
import type { MultiPolygon, Polygon, Position } from 'geojson';

export type Point = readonly [lon: number, lat: number];
/** Parts, their rings (the first is the outer one), their points. */
export type Shape = readonly (readonly (readonly Point[])[])[];
export interface Vertex { part: number; ring: number; at: number }

export function shapeOf(g: Polygon | MultiPolygon): Shape {
  const parts = g.type === 'Polygon' ? [g.coordinates] : g.coordinates;
  return parts.map(rings => rings.map(open));
}

export function geometryOf(shape: Shape): Polygon | MultiPolygon {
  const parts = shape.map(rings => rings.map(closed));
  return parts.length === 1 ? { type: 'Polygon', coordinates: parts[0]! } : { type: 'MultiPolygon', coordinates: parts };
}

function open(ring: readonly Position[]): Point[] {
  const points = ring.map(p => [p[0]!, p[1]!] as const);
  const a = points[0], b = points.at(-1);
  if (points.length > 1 && a![0] === b![0] && a![1] === b![1]) points.pop();
  return points;
}

// Seven decimals are a centimetre: more would only make the file longer.
const short = (v: number): number => Math.round(v * 1e7) / 1e7;

function closed(ring: readonly Point[]): Position[] {
  const points = ring.map(p => [short(p[0]), short(p[1])]);
  return points.length ? [...points, [...points[0]!]] : points;
}

function withRing(s: Shape, part: number, ring: number, change: (r: readonly Point[]) => readonly Point[]): Shape {
  return s.map((rings, p) => (p === part ? rings.map((r, k) => (k === ring ? change(r) : r)) : rings));
}

export function moveVertex(s: Shape, v: Vertex, to: Point): Shape {
  return withRing(s, v.part, v.ring, r => r.map((p, i) => (i === v.at ? to : p)));
}

/** A new point before v. */
export function insertVertex(s: Shape, v: Vertex, p: Point): Shape {
  return withRing(s, v.part, v.ring, r => [...r.slice(0, v.at), p, ...r.slice(v.at)]);
}

/** Without the vertex. A hole of three points goes with it, and so does a part that is not the last; the last ring keeps three. */
export function removeVertex(s: Shape, v: Vertex): Shape {
  const ring = s[v.part]?.[v.ring];
  if (!ring) return s;
  if (ring.length > 3) return withRing(s, v.part, v.ring, r => r.filter((_, i) => i !== v.at));
  if (v.ring > 0) return s.map((rings, p) => (p === v.part ? rings.filter((_, k) => k !== v.ring) : rings));
  return s.length > 1 ? s.filter((_, p) => p !== v.part) : s;
}

export function moveShape(s: Shape, east: number, north: number): Shape {
  return s.map(rings => rings.map(r => r.map(p => [p[0] + east, p[1] + north] as const)));
}

export function vertices(s: Shape): { vertex: Vertex; point: Point }[] {
  return s.flatMap((rings, part) => rings.flatMap((r, ring) => r.map((point, at) => ({ vertex: { part, ring, at }, point }))));
}

/** The middle of each edge; `vertex` is where a point there would be inserted. */
export function midpoints(s: Shape): { vertex: Vertex; point: Point }[] {
  return s.flatMap((rings, part) => rings.flatMap((r, ring) => r.map((a, i) => {
    const b = r[(i + 1) % r.length]!;
    return { vertex: { part, ring, at: i + 1 }, point: [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2] as const };
  })));
}

export function contains(s: Shape, p: Point): boolean {
  return s.some(rings => rings.reduce((inside, r) => inside !== within(r, p), false));
}

function within(r: readonly Point[], [x, y]: Point): boolean {
  let inside = false;
  for (let i = 0, j = r.length - 1; i < r.length; j = i++) {
    const [ax, ay] = r[i]!, [bx, by] = r[j]!;
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) inside = !inside;
  }
  return inside;
}

/** The middle of the box around a geometry. */
export function middleOf(g: Polygon | MultiPolygon): [number, number] {
  const all = shapeOf(g).flat(2);
  const middle = (i: 0 | 1): number => (Math.min(...all.map(p => p[i])) + Math.max(...all.map(p => p[i]))) / 2;
  return [middle(0), middle(1)];
}
