import type { Position } from 'geojson';

/** A ring that steps over the antimeridian goes on past 180° instead of jumping back across the map; one that
 * goes round a pole is closed along it. */
export function unwrapRing(ring: Position[]): Position[] {
  let turn = 0;
  const out: Position[] = [];
  for (const [i, p] of ring.entries()) {
    const step = i > 0 ? p[0]! - ring[i - 1]![0]! : 0;
    if (step > 180) turn -= 360;
    else if (step < -180) turn += 360;
    out.push([p[0]! + turn, p[1]!]);
  }
  if (turn !== 0) {
    const first = out[0]!, pole = first[1]! < 0 ? -90 : 90;
    out.push([out.at(-1)![0]!, pole], [first[0]!, pole], first);
  }
  return out;
}
