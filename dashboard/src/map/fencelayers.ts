// deck.gl layers of fences: one of areas, one of labels, however many fences there are; and of what flashes.
import type { Layer } from '@deck.gl/core';
import { PathLayer, PolygonLayer, ScatterplotLayer, TextLayer } from '@deck.gl/layers';
import type { Draft } from '../data/draft';
import type { Rgb, Theme } from '../data/colours';
import type { Fence, FenceEvent, Fences } from '../data/fences';
import { midpoints, vertices, type Vertex } from '../data/shape';
import { unwrapRing } from './antimeridian';
import { BELOW_NAMES, BELOW_STREETS } from './style';

interface Area { id: string; rings: [number, number][][]; colour: Rgb | null }
interface Label { id: string; at: [number, number]; degrees: number; text: string }

const TINT: Record<Theme, Rgb> = { dark: [120, 220, 190], light: [0, 105, 85] };
const ALARM: Record<Theme, Rgb> = { dark: [255, 209, 102], light: [190, 60, 0] };
const FLASH = 2500; // ms
/** A label is drawn when its fence is this wide on the screen, so that a thousand do not cover each other. */
const LABEL_PIXELS = 56;
const LABELS = 300;

const below = (id: string): object => ({ beforeId: id });

export class FenceLayers {
  private areas: Area[] = [];
  private still: Area[] = [];
  private from: Area[] | null = null;
  private edited: string | null = null;
  private labels: Label[] = [];
  private seen: Label[] = [];
  private shapes = -1;
  private counts = -1;
  private zoom = -1;
  private flashes: { event: FenceEvent; until: number }[] = [];

  constructor(private readonly fences: Fences) {}

  flash(event: FenceEvent, now: number): void {
    this.flashes = [...this.flashes.filter(f => f.event.fence !== event.fence), { event, until: now + FLASH }].slice(-40);
  }

  flashing(now: number): boolean {
    if (this.flashes.length === 0) return false;
    this.flashes = this.flashes.filter(f => f.until > now);
    return true; // once more after the last, to take it off
  }

  layers(zoom: number, theme: Theme, picked: string | null, edited: string | null, now: number, still: boolean): Layer[] {
    this.renew(zoom);
    const tint = TINT[theme];
    const of = (a: Area): Rgb => a.colour ?? tint;
    if (this.edited !== edited || this.from !== this.areas) {
      [this.edited, this.from] = [edited, this.areas]; // the same array until something changes, or deck.gl cuts all triangles again
      this.still = edited === null ? this.areas : this.areas.filter(a => a.id !== edited);
    }
    const out: Layer[] = [new PolygonLayer<Area>({
      id: 'fences', data: this.still,
      getPolygon: a => a.rings, getFillColor: a => [...of(a), 34] as never, getLineColor: a => [...of(a), 220] as never,
      getLineWidth: a => (a.id === picked ? 3.5 : 1.6), lineWidthUnits: 'pixels', lineJointRounded: true, pickable: true,
      updateTriggers: { getFillColor: theme, getLineColor: theme, getLineWidth: picked }, ...below(BELOW_STREETS),
    })];
    out.push(...this.flashLayers(theme, now, still));
    out.push(new TextLayer<Label>({
      id: 'fence-labels', data: this.seen, getPosition: l => l.at, getText: l => l.text, getSize: 12, sizeUnits: 'pixels',
      fontFamily: 'Inter, sans-serif', fontWeight: 600, characterSet: 'auto', getColor: theme === 'dark' ? [230, 240, 246] : [20, 40, 36],
      fontSettings: { sdf: true, radius: 8, buffer: 6 }, outlineWidth: 3, outlineColor: theme === 'dark' ? [8, 14, 18, 230] : [255, 255, 255, 230],
      updateTriggers: { getColor: theme }, ...below(BELOW_NAMES),
    }));
    return out;
  }

  private flashLayers(theme: Theme, now: number, still: boolean): Layer[] {
    if (this.flashes.length === 0) return [];
    const left = new Map(this.flashes.map(f => [f.event.fence, still ? 0.7 : Math.max(0, (f.until - now) / FLASH)]));
    const places = this.flashes.filter(f => Number.isFinite(f.event.lon) && Number.isFinite(f.event.lat));
    const c = ALARM[theme];
    return [
      new PolygonLayer<Area>({
        id: 'fence-flash', data: this.areas.filter(a => left.has(a.id)), getPolygon: a => a.rings,
        getFillColor: a => [...c, 110 * (left.get(a.id) ?? 0)] as never, getLineColor: a => [...c, 255 * (left.get(a.id) ?? 0)] as never,
        getLineWidth: 3, lineWidthUnits: 'pixels', ...below(BELOW_STREETS),
      }),
      new ScatterplotLayer<{ event: FenceEvent; until: number }>({
        id: 'fence-pulse', data: places, getPosition: f => [f.event.lon, f.event.lat], filled: false, stroked: true, radiusUnits: 'pixels',
        getRadius: f => (still ? 16 : 6 + 26 * (1 - (f.until - now) / FLASH)), lineWidthUnits: 'pixels', getLineWidth: 2.5,
        getLineColor: f => [...c, 255 * (left.get(f.event.fence) ?? 0)] as never, ...below(BELOW_NAMES),
      }),
    ];
  }

  private renew(zoom: number): void {
    const shapes = this.shapes !== this.fences.shapes;
    if (shapes) {
      this.shapes = this.fences.shapes;
      this.areas = [...this.fences.all.values()].flatMap(areasOf);
    }
    const step = Math.round(zoom * 4);
    if (!shapes && this.counts === this.fences.counts && this.zoom === step) return;
    if (shapes || this.counts !== this.fences.counts) this.labels = [...this.fences.all.values()].map(labelOf);
    this.counts = this.fences.counts;
    this.zoom = step;
    this.seen = labelsAt(this.labels, step / 4);
  }
}

export function areasOf(f: Fence): Area[] {
  const parts = f.geometry.type === 'Polygon' ? [f.geometry.coordinates] : f.geometry.coordinates;
  return parts.map(rings => ({ id: f.id, rings: rings.map(r => unwrapRing(r) as [number, number][]), colour: hex(f.properties.color ?? f.properties.colour) }));
}

/** Name and count, in the middle of the widest part. */
export function labelOf(f: Fence): Label {
  let at: [number, number] = [0, 0], degrees = -1;
  for (const { rings } of areasOf(f)) {
    let [w, s, e, n] = [Infinity, Infinity, -Infinity, -Infinity];
    for (const [x, y] of rings[0] ?? []) [w, s, e, n] = [Math.min(w, x), Math.min(s, y), Math.max(e, x), Math.max(n, y)];
    if (e - w > degrees) [at, degrees] = [[(w + e) / 2, (s + n) / 2], e - w];
  }
  return { id: f.id, at, degrees, text: `${f.name} · ${f.inside.toLocaleString('en')}` };
}

export function labelsAt(labels: readonly Label[], zoom: number): Label[] {
  const pixels = (512 * 2 ** zoom) / 360;
  return labels.filter(l => l.degrees * pixels >= LABEL_PIXELS).sort((a, b) => b.degrees - a.degrees).slice(0, LABELS);
}

function hex(v: unknown): Rgb | null {
  const m = typeof v === 'string' ? /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(v) : null;
  return m && [parseInt(m[1]!, 16), parseInt(m[2]!, 16), parseInt(m[3]!, 16)];
}

/** The fence under the operator's hands: its area, its corners, and where a corner could be added. */
export function draftLayers(d: Draft, theme: Theme): Layer[] {
  const c = ALARM[theme];
  const same = (a: Vertex | null, b: Vertex): boolean => a?.part === b.part && a.ring === b.ring && a.at === b.at;
  const corners = vertices(d.shape);
  const dot = (id: string, data: readonly { vertex: Vertex; point: readonly [number, number] }[], radius: number, fill: number): Layer => new ScatterplotLayer({
    id, data: [...data], getPosition: (v: { point: readonly [number, number] }) => [v.point[0], v.point[1]], radiusUnits: 'pixels', lineWidthUnits: 'pixels', stroked: true,
    getRadius: v => (same(d.active, v.vertex) ? radius + 3 : radius), getFillColor: v => (same(d.active, v.vertex) ? [255, 80, 40] : [...c, fill]) as never,
    getLineColor: theme === 'dark' ? [10, 14, 18] : [255, 255, 255], getLineWidth: 1.5,
  });
  const rings = d.shape.flatMap(parts => parts.map(r => [...r, ...(d.closed ? r.slice(0, 1) : d.cursor ? [d.cursor] : [])]));
  return [
    ...(d.closed ? [new PolygonLayer({ id: 'draft-area', data: [...d.shape], getPolygon: (p: unknown) => p as never, getFillColor: [...c, 50] as never, stroked: false })] : []),
    new PathLayer({ id: 'draft-line', data: rings, getPath: (r: unknown) => r as never, getColor: [...c, 255] as never, getWidth: 2.5, widthUnits: 'pixels' }),
    ...(d.closed ? [dot('draft-middles', midpoints(d.shape), 3.5, 140)] : []),
    dot('draft-corners', corners, 6, 255),
  ];
}
