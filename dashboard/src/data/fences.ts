// What the page knows of fences: their shapes, how many are inside, and what happened at them.
import type { Feature, FeatureCollection, MultiPolygon, Polygon } from 'geojson';
import { numbers, texts, type Frame } from './frame';

export type FenceFeature = Feature<Polygon | MultiPolygon, Record<string, unknown>> & { id: string };
export type FenceCollection = FeatureCollection<Polygon | MultiPolygon, Record<string, unknown>>;

export interface Fence {
  id: string;
  name: string;
  geometry: Polygon | MultiPolygon;
  /** As the server gave them, without the read-only ones. */
  properties: Record<string, unknown>;
  version: number;
  inside: number;
}

export interface FenceEvent {
  id: string;
  fence: string;
  device: string;
  stream: string;
  kind: string;
  /** Milliseconds since the epoch; NaN when it cannot be read. */
  ts: number;
  lat: number;
  lon: number;
  speed: number | null;
  dwell: number | null;
  replaces: string | null;
  withdrawn: boolean;
}

const EVENTS_KEPT = 200;

export class Fences {
  readonly all = new Map<string, Fence>();
  /** Newest first. */
  events: readonly FenceEvent[] = [];
  /** Rises when a shape or a name changes. */
  shapes = 0;
  /** Rises when a count changes. */
  counts = 0;

  /** Takes the server's whole list. */
  replace(c: FenceCollection): void {
    this.all.clear();
    for (const f of c.features) this.take(f);
    this.shapes++;
  }

  put(f: Feature): void {
    this.take(f as FenceFeature);
    this.shapes++;
  }

  remove(id: string): void {
    if (this.all.delete(id)) this.shapes++;
  }

  /** Takes counts from a frame of `inside:fences`; gives the ids whose shape is not the one known here. */
  occupancy(frame: Frame): string[] {
    const ids = texts(frame, 'fence'), inside = numbers(frame, 'inside'), version = numbers(frame, 'version');
    const unknown: string[] = [];
    for (let i = 0; ids && i < frame.rows; i++) {
      const id = ids[i]!, v = version?.[i] ?? Number.NaN;
      if (v === 0) {
        this.remove(id);
        continue;
      }
      const f = this.all.get(id);
      if (!f || (!Number.isNaN(v) && v !== f.version)) unknown.push(id);
      const n = inside?.[i];
      if (f && n !== undefined && !Number.isNaN(n) && n !== f.inside) {
        f.inside = n;
        this.counts++;
      }
    }
    return unknown;
  }

  recall(events: readonly FenceEvent[]): void {
    this.events = [];
    for (const e of events) this.event(e);
  }

  /** Takes one event; true when it is news, and not a correction that takes one back. */
  event(e: FenceEvent): boolean {
    const gone = new Set([e.id, e.replaces]);
    const known = this.events.some(o => o.id === e.id);
    const rest = this.events.filter(o => !gone.has(o.id));
    if (e.withdrawn) {
      this.events = rest;
      return false;
    }
    let at = rest.findIndex(o => !(o.ts > e.ts));
    if (at < 0) at = rest.length;
    this.events = [...rest.slice(0, at), e, ...rest.slice(at)].slice(0, EVENTS_KEPT);
    return !known;
  }

  private take(f: Feature): void {
    const id = String(f.id ?? '');
    const g = f.geometry;
    if (!id || (g?.type !== 'Polygon' && g?.type !== 'MultiPolygon')) return;
    const { version, inside, ...properties } = f.properties ?? {};
    this.all.set(id, { id, name: text(properties.name) || id, geometry: g, properties, version: number(version) ?? 0, inside: number(inside) ?? 0 });
  }
}

const number = (v: unknown): number | null => (typeof v === 'number' && Number.isFinite(v) ? v : null);
const text = (v: unknown): string => (typeof v === 'string' ? v : '');

/** An event as the socket gives it; null when it says neither which fence nor what happened. */
export function readEvent(v: unknown): FenceEvent | null {
  if (typeof v !== 'object' || v === null) return null;
  const e = v as Record<string, unknown>;
  if (!text(e.fence) || !text(e.kind)) return null;
  return {
    id: String(e.id ?? ''), fence: text(e.fence), device: text(e.device), stream: text(e.stream), kind: text(e.kind),
    ts: typeof e.ts === 'number' ? e.ts : Date.parse(text(e.ts)),
    lat: number(e.lat) ?? Number.NaN, lon: number(e.lon) ?? Number.NaN, speed: number(e.speed_kmh), dwell: number(e.dwell_s),
    replaces: e.replaces ? String(e.replaces) : null, withdrawn: e.withdrawn === true,
  };
}

/** A fence's id from its name, with a tail that keeps two of the same name apart. */
export function newId(name: string, random: number): string {
  const word = name.toLowerCase().normalize('NFKD').replace(/[^a-z0-9]+/g, '-').replace(/^-+|-+$/g, '').slice(0, 40);
  return `${word || 'fence'}-${Math.floor(random * 36 ** 4).toString(36).padStart(4, '0')}`;
}
