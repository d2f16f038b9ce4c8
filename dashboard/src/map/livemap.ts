// The one imperative class of the page: owns the map and draws the stores onto it.
import { MapLibreOverlay } from '@deck.gl/maplibre';
import { type GeoJSONSource, Map as BaseMap, ScaleControl, setWorkerUrl } from 'maplibre-gl';
import 'maplibre-gl/dist/maplibre-gl.css';
import workerUrl from 'maplibre-gl/dist/maplibre-gl-worker.mjs?worker&url';
import fontUrl from '@fontsource/inter/files/inter-latin-500-normal.woff2?url';
import type { Layer, PickingInfo } from '@deck.gl/core';
import type { Theme } from '../data/colours';
import type { Box } from '../data/feed';
import type { Fleet } from '../data/fleet';
import type { Heat, HeatCell } from '../data/heat';
import type { Draft } from '../data/draft';
import type { FenceEvent, Fences } from '../data/fences';
import { listenForDrawing } from './draw';
import { draftLayers, FenceLayers } from './fencelayers';
import { iconAtlas } from './icons';
import { FleetLayer, heatLayer, outlineLayer, ringLayer } from './layers';
import { Pace } from './pace';
import { mapStyle } from './style';
import { loadWorld, NO_WORLD } from './world';

setWorkerUrl(workerUrl);

export type Picked = { kind: 'device'; stream: string; id: string } | { kind: 'cell'; cell: string } | { kind: 'fence'; id: string };

export interface Scene {
  fleets: ReadonlyMap<string, Fleet>;
  shown: ReadonlySet<string>;
  heat: Heat | null;
  heatShown: boolean;
  heatDomain: readonly [number, number] | null;
  /** Is the heat under vehicles, and so only a tint? */
  heatBeneath: boolean;
  picked: Picked | null;
  fences: Fences;
  fencesShown: boolean;
  draft: Draft | null;
  theme: Theme;
}

export interface MapEvents {
  pick(what: Picked | null): void;
  moved(box: Box): void;
  hover(what: Picked): string | null;
  draft(): Draft | null;
  drawn(next: Draft): void;
  now(): number;
}

export interface MapOptions {
  container: HTMLElement;
  center: [number, number];
  zoom: number;
  city: string | null;
  theme: Theme;
  headers(url: string): Record<string, string>;
  /** Lets tests read the picture back. */
  keepPicture: boolean;
}

/** More than the screen shows is asked for, so that a small pan has its vehicles at once. */
const MARGIN = 0.15;
const PICK_RADIUS = 5;

export class LiveMap {
  readonly base: BaseMap;
  private readonly overlay: MapLibreOverlay;
  private readonly atlas = iconAtlas();
  private readonly fleetLayers = new Map<Fleet, FleetLayer>();
  private fenceLayers: FenceLayers | null = null;
  private readonly pace = new Pace();
  private readonly city: string | null;
  private scene: Scene | null = null;
  private dirty = true;
  private painted = 0;
  private loaded = false;

  constructor(options: MapOptions, private readonly on: MapEvents) {
    this.city = options.city;
    this.base = new BaseMap({
      container: options.container,
      style: mapStyle(options.theme, NO_WORLD, this.city, fontAddress()),
      center: options.center,
      zoom: options.zoom,
      attributionControl: false,
      dragRotate: false, // north stays up, so that headings read the same on every screen
      pitchWithRotate: false,
      maxPitch: 0,
      fadeDuration: 0,
      canvasContextAttributes: { antialias: false, preserveDrawingBuffer: options.keepPicture },
      transformRequest: url => ({ url, headers: options.headers(url) }),
    });
    this.base.touchZoomRotate.disableRotation();
    this.base.keyboard.disableRotation();
    this.base.addControl(new ScaleControl({ maxWidth: 90 }), 'bottom-left');
    this.overlay = new MapLibreOverlay({
      interleaved: true,
      pickingRadius: PICK_RADIUS,
      layers: [],
      getTooltip: (info: PickingInfo) => {
        const what = this.on.draft() ? null : this.pickedBy(info);
        const text = what && this.on.hover(what);
        return text ? { text, className: 'tip', style: {} } : null;
      },
    });
    this.base.on('load', () => void this.begin(options.theme));
    // Not deck's own onClick: it waits for a pick begun at the press, which a slow machine may still owe.
    this.base.on('click', e => {
      if (this.on.draft()) return;
      const info = this.overlay.pickObject({ x: e.point.x, y: e.point.y, radius: PICK_RADIUS });
      this.on.pick(info && this.pickedBy(info));
    });
    listenForDrawing(this.base, () => this.on.draft(), d => this.on.drawn(d));
    this.base.on('moveend', () => this.on.moved(this.box()));
    this.base.on('zoom', () => this.touch());
    this.base.on('error', e => console.warn('map:', e.error?.message ?? e));
  }

  /** Asks for a new picture from this scene. */
  draw(scene: Scene): void {
    const themed = this.scene !== null && this.scene.theme !== scene.theme;
    this.scene = scene;
    if (themed) this.recolour(scene.theme);
    this.touch();
  }

  /** Lights a fence up, and the place where something happened. */
  flash(event: FenceEvent): void {
    this.fenceLayers?.flash(event, this.on.now());
    this.touch();
  }

  touch(): void {
    this.dirty = true;
  }

  ready(): boolean {
    return this.loaded && this.painted > 0 && this.base.loaded() && this.layersLoaded();
  }

  fly(at: [number, number], zoom: number): void {
    this.base.easeTo({ center: at, zoom: Math.max(zoom, this.base.getZoom()), duration: reducedMotion() ? 0 : 700 });
  }

  box(): Box {
    const b = this.base.getBounds();
    const w = (b.getEast() - b.getWest()) * MARGIN, h = (b.getNorth() - b.getSouth()) * MARGIN;
    if (b.getEast() - b.getWest() + 2 * w >= 360) return [-180, Math.max(-90, b.getSouth() - h), 180, Math.min(90, b.getNorth() + h)];
    return [wrap(b.getWest() - w), Math.max(-90, b.getSouth() - h), wrap(b.getEast() + w), Math.min(90, b.getNorth() + h)];
  }

  /** What the screen itself shows, west to east without wrapping. */
  screen(): Box {
    const b = this.base.getBounds();
    return [b.getWest(), b.getSouth(), b.getEast(), b.getNorth()];
  }

  private async begin(theme: Theme): Promise<void> {
    this.base.addControl(this.overlay as never);
    this.loaded = true;
    this.on.moved(this.box());
    requestAnimationFrame(this.frame);
    try {
      const world = await loadWorld();
      this.base.getSource<GeoJSONSource>('land')?.setData(world.land);
      this.base.getSource<GeoJSONSource>('borders')?.setData(world.borders);
    } catch (e) {
      console.warn('world map:', e); // the live layers do without
    }
    this.recolour(this.scene?.theme ?? theme);
  }

  private lastFrame = 0;
  private measuring = false;

  private readonly frame = (t: number): void => {
    requestAnimationFrame(this.frame);
    if (this.measuring) this.pace.took(t - this.lastFrame);
    this.measuring = false;
    this.lastFrame = t;
    if (!this.scene || !this.pace.due(t)) return;
    const now = this.on.now();
    let moving = false;
    for (const [stream, fleet] of this.scene.fleets) {
      const before = fleet.moves;
      fleet.advance(now);
      if (fleet.moves !== before && this.scene.shown.has(stream)) moving = true;
    }
    if (this.fenceLayers?.flashing(now)) moving = true;
    if (!moving && !this.dirty) return;
    this.dirty = false;
    this.overlay.setProps({ layers: this.layers(this.scene) });
    this.painted++;
    this.measuring = true;
    this.pace.painted(t);
  };

  private layers(s: Scene): Layer[] {
    const zoom = this.base.getZoom();
    const out: Layer[] = [];
    if (s.heat && s.heatShown && s.heatDomain) out.push(heatLayer(s.heat, s.heatDomain, s.heatBeneath));
    this.fenceLayers ??= new FenceLayers(s.fences);
    if (s.fencesShown && s.fences.all.size > 0) {
      const picked = s.picked?.kind === 'fence' ? s.picked.id : null;
      out.push(...this.fenceLayers.layers(zoom, s.theme, picked, s.draft?.id ?? null, this.on.now(), reducedMotion()));
    }
    if (s.picked?.kind === 'cell') out.push(outlineLayer(s.picked.cell, s.theme));
    for (const [stream, fleet] of s.fleets) {
      if (!s.shown.has(stream) || fleet.n === 0) continue;
      let l = this.fleetLayers.get(fleet);
      if (!l) this.fleetLayers.set(fleet, (l = new FleetLayer(fleet, `stream:${stream}`, this.atlas)));
      out.push(...l.layers(zoom, s.theme));
    }
    const p = s.picked;
    const i = p?.kind === 'device' ? (s.fleets.get(p.stream)?.find(p.id) ?? -1) : -1;
    if (p?.kind === 'device' && i >= 0) {
      const { at } = s.fleets.get(p.stream)!;
      out.push(ringLayer([at[2 * i]!, at[2 * i + 1]!], s.theme));
    }
    if (s.draft) out.push(...draftLayers(s.draft, s.theme));
    return out;
  }

  private pickedBy(info: PickingInfo): Picked | null {
    const id = info.layer?.id ?? '';
    if (id === 'heat') return info.object ? { kind: 'cell', cell: (info.object as HeatCell).cell } : null;
    if (id.startsWith('fences')) return info.object ? { kind: 'fence', id: (info.object as { id: string }).id } : null;
    const stream = /^stream:(.*)-icons$/.exec(id)?.[1];
    const device = stream === undefined ? undefined : this.scene?.fleets.get(stream)?.ids[info.index];
    return stream !== undefined && device !== undefined ? { kind: 'device', stream, id: device } : null;
  }

  /** Changes colours in place: a new style would fetch and cut the map data again. */
  private recolour(theme: Theme): void {
    for (const layer of mapStyle(theme, NO_WORLD, this.city, fontAddress()).layers) {
      for (const [name, value] of Object.entries(layer.paint ?? {})) {
        if (name.includes('color')) this.base.setPaintProperty(layer.id, name as never, value as never);
      }
    }
  }

  private layersLoaded(): boolean {
    return this.deckLayers()?.every(l => l.isLoaded) ?? false;
  }

  /** Whether a layer whose id starts so is drawn, and so can be clicked. */
  drawn(id: string): boolean {
    return this.deckLayers()?.some(l => l.id.startsWith(id)) ?? false;
  }

  private deckLayers(): Layer[] | undefined {
    return (this.overlay as unknown as { _deck?: { layerManager?: { getLayers(): Layer[] } } })._deck?.layerManager?.getLayers();
  }
}

function fontAddress(): string {
  return new URL(fontUrl, document.baseURI).href;
}

function wrap(lon: number): number {
  return ((((lon + 180) % 360) + 360) % 360) - 180;
}

export function reducedMotion(): boolean {
  return matchMedia('(prefers-reduced-motion: reduce)').matches;
}
