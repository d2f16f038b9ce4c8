import { feature, mesh } from 'topojson-client';
import type { FeatureCollection, MultiLineString, Position } from 'geojson';
import type { GeometryCollection, Topology } from 'topojson-specification';
import atlasUrl from 'world-atlas/countries-50m.json?url';
import type { World } from './style';
import { unwrapRing } from './antimeridian';

type Atlas = Topology<{ countries: GeometryCollection; land: GeometryCollection }>;

/** The world's land and borders (Natural Earth, 1:50 million), served beside the page. */
export async function loadWorld(): Promise<World> {
  const atlas = (await (await fetch(new URL(atlasUrl, document.baseURI))).json()) as Atlas;
  const borders: MultiLineString = mesh(atlas, atlas.objects.countries, (a, b) => a !== b);
  return {
    land: unwrapLand(feature(atlas, atlas.objects.land) as FeatureCollection),
    borders: { type: 'FeatureCollection', features: [{ type: 'Feature', properties: {}, geometry: borders }] },
  };
}

function unwrapLand(land: FeatureCollection): FeatureCollection {
  const polygon = (rings: Position[][]): Position[][] => rings.map(unwrapRing);
  for (const { geometry: g } of land.features) {
    if (g.type === 'Polygon') g.coordinates = polygon(g.coordinates);
    else if (g.type === 'MultiPolygon') g.coordinates = g.coordinates.map(polygon);
  }
  return land;
}

export const NO_WORLD: World = {
  land: { type: 'FeatureCollection', features: [] },
  borders: { type: 'FeatureCollection', features: [] },
};
