// Mouse and finger on the fence under edit. Only this file knows pixels; what a gesture does is in data/draft.ts.
import type { Map as BaseMap, MapMouseEvent, MapTouchEvent } from 'maplibre-gl';
import { addPoint, close, points, step, type Draft } from '../data/draft';
import { contains, insertVertex, midpoints, moveShape, moveVertex, vertices, type Point, type Shape, type Vertex } from '../data/shape';

const NEAR = 11; // pixels
const NEAR_FINGER = 22;
type Press = MapMouseEvent | MapTouchEvent;
interface Held { vertex: Vertex | null; from: Point; start: Shape; moved: boolean }

export function listenForDrawing(base: BaseMap, get: () => Draft | null, set: (d: Draft) => void): void {
  let held: Held | null = null;
  const near = (e: Press): number => (e.type.startsWith('touch') ? NEAR_FINGER : NEAR);
  const at = (e: Press): Point => [e.lngLat.lng, e.lngLat.lat];
  const far = (p: Point, e: Press): number => {
    const q = base.project([p[0], p[1]]);
    return Math.hypot(q.x - e.point.x, q.y - e.point.y);
  };
  const hit = <T extends { point: Point }>(all: readonly T[], e: Press): T | undefined =>
    all.map(v => [v, far(v.point, e)] as const).filter(([, px]) => px <= near(e)).sort((a, b) => a[1] - b[1])[0]?.[0];

  const press = (e: Press): void => {
    const d = get();
    if (!d?.closed || d.busy || ('points' in e && e.points.length > 1)) return;
    const corner = hit(vertices(d.shape), e);
    const middle = corner ? undefined : hit(midpoints(d.shape), e);
    if (!corner && !middle && !contains(d.shape, at(e))) return;
    e.preventDefault(); // the map stays
    const vertex = corner?.vertex ?? middle?.vertex ?? null;
    const start = middle ? insertVertex(d.shape, middle.vertex, middle.point) : d.shape;
    held = { vertex, from: at(e), start, moved: false };
    set({ ...(middle ? step(d, start) : d), active: vertex });
  };
  const move = (e: Press): void => {
    const d = get();
    if (!d) return;
    if (!d.closed) {
      if (points(d).length) set({ ...d, cursor: at(e) });
      return;
    }
    if (!held) return;
    const to = at(e);
    const shape = held.vertex ? moveVertex(held.start, held.vertex, to) : moveShape(held.start, to[0] - held.from[0], to[1] - held.from[1]);
    set(held.moved || d.shape !== held.start ? { ...d, shape } : step(d, shape)); // one step of undo for the whole drag
    held.moved = true;
  };
  const release = (): void => { held = null; };

  base.on('mousedown', press);
  base.on('touchstart', press);
  base.on('mousemove', move);
  base.on('touchmove', move);
  base.on('touchend', release);
  base.on('touchcancel', release);
  window.addEventListener('mouseup', release); // also beside the map
  base.on('click', e => {
    const d = get();
    if (!d || d.closed) return;
    const first = points(d)[0];
    if (first && points(d).length >= 3 && far(first, e) <= NEAR) set(close(d));
    else set(addPoint(d, at(e)));
  });
  base.on('dblclick', e => {
    const d = get();
    if (!d) return;
    e.preventDefault(); // no zoom
    if (!d.closed) set(close(d));
  });
}
