// deck.gl layers from the stores. Data objects keep their identity until something changes, and then only
// the attribute that changed is sent to the GPU.
import type { Layer } from '@deck.gl/core';
import { H3HexagonLayer } from '@deck.gl/geo-layers';
import { IconLayer, PathLayer, ScatterplotLayer } from '@deck.gl/layers';
import { cellToBoundary } from 'h3-js';
import { heatColour, type Theme } from '../data/colours';
import type { Fleet } from '../data/fleet';
import type { Heat, HeatCell } from '../data/heat';
import { ICON_MAPPING } from './icons';
import { BELOW_NAMES, BELOW_STREETS } from './style';

interface Binary { value: Float64Array | Float32Array | Uint8Array; size: number; normalized?: boolean }

/** Under the vehicles the heat is a tint; alone it is the picture. deck.gl raises opacity to 1/2.2: 0.13 covers 40 %. */
const HEAT_BENEATH = 0.13;
const HEAT_ALONE = 0.7;

export function heatLayer(heat: Heat, domain: readonly [number, number], beneath: boolean): Layer {
  const width = domain[1] - domain[0] || 1;
  return new H3HexagonLayer<HeatCell>({
    id: 'heat',
    data: heat.cells as HeatCell[],
    getHexagon: c => c.cell,
    getFillColor: c => {
      const [r, g, b] = heatColour(Math.min(1, Math.max(0, (c.value - domain[0]) / width)));
      return [r, g, b, Math.round(255 * (1 - 0.65 * Math.min(1, 3 * heat.age(c))))];
    },
    updateTriggers: { getFillColor: [domain[0], domain[1]] },
    opacity: beneath ? HEAT_BENEATH : HEAT_ALONE,
    extruded: false,
    stroked: false,
    coverage: 0.96,
    pickable: true,
    ...({ beforeId: BELOW_STREETS } as object),
  });
}

/** Keeps what the icon layer of one fleet was given last, to hand it the same objects again. */
export class FleetLayer {
  private position: Binary = { value: new Float64Array(0), size: 2 };
  private angle: Binary = { value: new Float32Array(0), size: 1 };
  private colour: Binary = { value: new Uint8Array(0), size: 4, normalized: true };
  private data: { length: number; version: number; attributes: Record<string, Binary> } | null = null;
  private moves = -1;

  constructor(private readonly fleet: Fleet, private readonly id: string, private readonly atlas: HTMLCanvasElement) {}

  layers(zoom: number, theme: Theme): Layer[] {
    const { fleet } = this;
    const fresh = this.data?.version !== fleet.version;
    if (fresh) this.colour = { value: fleet.colour.subarray(0, 4 * fleet.n), size: 4, normalized: true };
    if (fresh || this.moves !== fleet.moves) {
      this.moves = fleet.moves;
      this.position = { value: fleet.at.subarray(0, 2 * fleet.n), size: 2 };
      this.angle = { value: fleet.angle.subarray(0, fleet.n), size: 1 };
      const attributes = { getPosition: this.position, getAngle: this.angle };
      this.data = { length: fleet.n, version: fleet.version, attributes };
    }
    const scale = Math.min(1.5, Math.max(0.6, 0.62 + (zoom - 11) * 0.26));
    return [
      // A dark rim keeps the shapes readable on the heat and on streets of any colour.
      this.icons('rim', scale * 1.35, theme === 'dark' ? [6, 10, 14, 215] : [255, 255, 255, 230], false),
      this.icons('icons', scale, null, true),
    ];
  }

  private icons(part: string, scale: number, one: [number, number, number, number] | null, pickable: boolean): Layer {
    const { fleet } = this, data = this.data!;
    return new IconLayer({
      id: `${this.id}-${part}`,
      data: { ...data, attributes: one ? data.attributes : { ...data.attributes, getColor: this.colour } } as never,
      // Shapes are computed only when the version changes; positions go straight to the GPU.
      dataComparator: (a: unknown, b: unknown) => (a as { version: number }).version === (b as { version: number } | undefined)?.version,
      updateTriggers: { getPosition: fleet.moves, getAngle: fleet.moves },
      iconAtlas: this.atlas as never,
      iconMapping: ICON_MAPPING,
      getIcon: (_: unknown, { index }: { index: number }) => String(fleet.shape[index]),
      ...(one ? { getColor: one } : {}),
      getSize: (_: unknown, { index }: { index: number }) => (fleet.shape[index] === 0 ? 15 : 11),
      sizeScale: scale,
      sizeUnits: 'pixels',
      pickable,
      ...({ beforeId: BELOW_NAMES } as object),
    });
  }
}

export function ringLayer(at: readonly [number, number], theme: Theme): Layer {
  return new ScatterplotLayer({
    id: 'selected',
    data: [at],
    getPosition: (p: readonly [number, number]) => [p[0], p[1]],
    getRadius: 15,
    radiusUnits: 'pixels',
    filled: false,
    stroked: true,
    getLineColor: theme === 'dark' ? [255, 255, 255] : [0, 0, 0],
    lineWidthUnits: 'pixels',
    getLineWidth: 2,
    ...({ beforeId: BELOW_NAMES } as object),
  });
}

export function outlineLayer(cell: string, theme: Theme): Layer {
  return new PathLayer({
    id: 'selected-cell',
    data: [cell],
    getPath: (c: string) => cellToBoundary(c, true) as [number, number][],
    getColor: theme === 'dark' ? [255, 255, 255] : [0, 0, 0],
    getWidth: 2.5,
    widthUnits: 'pixels',
    jointRounded: true,
    ...({ beforeId: BELOW_NAMES } as object),
  });
}
