// The basemap: the world's land from world-atlas, and the site's own GeoJSON above it where there is one.
import type { ExpressionSpecification, FilterSpecification, LayerSpecification, StyleSpecification } from 'maplibre-gl';
import type { FeatureCollection } from 'geojson';
import type { Theme } from '../data/colours';
import { PALETTE, type Palette } from './palette';

export interface World { land: FeatureCollection; borders: FeatureCollection }

/** Data layers go beneath these: heat under the streets, vehicles under the names. */
export const BELOW_STREETS = 'local-casing';
export const BELOW_NAMES = 'name-water';

const FONT = 'Inter';
/** Zooms between which the world gives way to the site's own map, whose ground is land unless it says water. */
const FADE: [number, number] = [7, 8.5];

export function mapStyle(theme: Theme, world: World, city: string | null, fontUrl: string): StyleSpecification {
  const p = PALETTE[theme];
  return {
    version: 8,
    name: `hexpane ${theme}`,
    // MapLibre 6 draws labels from a font file; its types do not have it yet.
    ...({ 'font-faces': { [FONT]: [{ url: fontUrl }] } } as object),
    sources: {
      land: { type: 'geojson', data: world.land },
      borders: { type: 'geojson', data: world.borders },
      city: { type: 'geojson', data: city ?? { type: 'FeatureCollection', features: [] }, tolerance: 0.3 },
    },
    layers: [...worldLayers(p, city !== null), ...groundLayers(p), ...roadLayers(p), ...nameLayers(p)],
  };
}

function worldLayers(p: Palette, city: boolean): LayerSpecification[] {
  const fadeOut: number | ExpressionSpecification = city ? ['interpolate', ['linear'], ['zoom'], FADE[0], 1, FADE[1], 0] : 1;
  return [
    {
      id: 'sea', type: 'background',
      paint: { 'background-color': city ? ['interpolate', ['linear'], ['zoom'], FADE[0], p.sea, FADE[1], p.land] : p.sea },
    },
    { id: 'land', type: 'fill', source: 'land', paint: { 'fill-color': p.land, 'fill-opacity': fadeOut } },
    { id: 'coast', type: 'line', source: 'land', paint: { 'line-color': p.border, 'line-width': 0.8, 'line-opacity': fadeOut } },
    { id: 'borders', type: 'line', source: 'borders', paint: { 'line-color': p.border, 'line-width': 0.8, 'line-dasharray': [3, 2], 'line-opacity': fadeOut } },
  ];
}

const kind = (k: string): FilterSpecification => ['==', ['get', 'kind'], k];
const road = (c: string): FilterSpecification => ['all', ['==', ['get', 'kind'], 'road'], ['==', ['get', 'class'], c]];
const fadeIn: ExpressionSpecification = ['interpolate', ['linear'], ['zoom'], FADE[0], 0, FADE[1], 1];

function groundLayers(p: Palette): LayerSpecification[] {
  return [
    { id: 'park', type: 'fill', source: 'city', filter: kind('park'), paint: { 'fill-color': p.park, 'fill-opacity': fadeIn } },
    { id: 'water', type: 'fill', source: 'city', filter: kind('water'), paint: { 'fill-color': p.water, 'fill-opacity': fadeIn } },
    { id: 'shore', type: 'line', source: 'city', filter: kind('water'), paint: { 'line-color': p.shore, 'line-width': 1.2, 'line-opacity': fadeIn } },
    {
      id: 'building', type: 'fill', source: 'city', minzoom: 13, filter: kind('building'),
      paint: { 'fill-color': p.building, 'fill-outline-color': p.buildingEdge, 'fill-opacity': ['interpolate', ['linear'], ['zoom'], 13, 0, 14, 1] },
    },
  ];
}

type Widths = [z9: number, z12: number, z14: number, z17: number];
const width = (w: Widths, more = 0): ExpressionSpecification =>
  ['interpolate', ['exponential', 1.5], ['zoom'], 9, w[0] + more / 3, 12, w[1] + more / 2, 14, w[2] + more, 17, w[3] + 2 * more];

function roadLayers(p: Palette): LayerSpecification[] {
  const classes: [name: string, colour: string, widths: Widths, minzoom: number][] = [
    ['local', p.local, [0, 0.5, 1.4, 7], 11],
    ['secondary', p.secondary, [0.3, 1.1, 2.8, 11], 9],
    ['primary', p.primary, [0.5, 1.8, 4, 14], 7],
    ['motorway', p.motorway, [1, 2.4, 5, 17], 6],
  ];
  const layout = { 'line-cap': 'round', 'line-join': 'round' } as const;
  const line = (id: string, c: string, colour: string, w: ExpressionSpecification, minzoom: number): LayerSpecification =>
    ({ id, type: 'line', source: 'city', minzoom, filter: road(c), layout, paint: { 'line-color': colour, 'line-width': w } });
  return [
    ...classes.map(([c, , w, z]) => line(`${c}-casing`, c, p.casing, width(w, 1.6), Math.max(z, c === 'local' ? 13 : z))),
    {
      id: 'rail', type: 'line', source: 'city', filter: road('rail'),
      paint: { 'line-color': p.rail, 'line-width': width([0.6, 1.2, 2, 3]), 'line-dasharray': [4, 2], 'line-opacity': fadeIn },
    },
    ...classes.map(([c, colour, w, z]) => line(c, c, colour, width(w), z)),
  ];
}

function nameLayers(p: Palette): LayerSpecification[] {
  const place = (id: string, rank: FilterSpecification, size: number | ExpressionSpecification, colour: string, zooms: [number, number], upper = false): LayerSpecification => ({
    id, type: 'symbol', source: 'city', minzoom: zooms[0], maxzoom: zooms[1], filter: ['all', ['==', ['get', 'kind'], 'place'], rank as ExpressionSpecification],
    layout: {
      'text-field': upper ? ['upcase', ['get', 'name']] : ['get', 'name'], 'text-font': [FONT], 'text-size': size,
      'text-letter-spacing': upper ? 0.09 : 0.02,
    },
    paint: { 'text-color': colour, 'text-halo-color': p.halo, 'text-halo-width': 1.5 },
  });
  const rank = (op: '==' | '<', r: number): FilterSpecification => [op, ['get', 'rank'], r] as FilterSpecification;
  return [
    place(BELOW_NAMES, rank('<', 0), 13, p.waterLabel, [10, 24]),
    place('name-small', rank('==', 2), 11, p.minorLabel, [12, 24]),
    place('name-district', rank('==', 1), ['interpolate', ['linear'], ['zoom'], 10.5, 10, 14, 13], p.label, [10.5, 24], true),
    place('name-city', rank('==', 0), 17, p.label, [4, 11.3]),
  ];
}
