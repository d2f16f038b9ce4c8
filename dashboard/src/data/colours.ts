// Colour scales. Both were chosen to survive the common kinds of colour blindness: speed runs from
// orange to blue through a neutral middle, heat is cividis.

export type Theme = 'dark' | 'light';
export type Rgb = readonly [number, number, number];

/** Speeds in km/h at which the speed scale has its colours. */
export const SPEED_STOPS = [0, 15, 30, 50, 80] as const;

export const SPEED: Record<Theme, readonly Rgb[]> = {
  dark: [[255, 138, 51], [255, 196, 122], [240, 238, 228], [135, 203, 245], [64, 156, 255]],
  light: [[184, 72, 0], [158, 100, 44], [84, 92, 104], [24, 98, 168], [0, 54, 190]],
};

export const STALE: Record<Theme, Rgb> = { dark: [150, 161, 172], light: [112, 120, 128] };
export const SENSOR: Record<Theme, Rgb> = { dark: [204, 121, 167], light: [150, 60, 112] };

const CIVIDIS: readonly Rgb[] = [
  [0, 34, 78], [28, 57, 109], [67, 78, 108], [98, 100, 111], [124, 123, 120],
  [154, 147, 118], [187, 173, 108], [221, 201, 87], [254, 232, 56],
];

/** Piecewise linear: position x on stops, colours between them. */
export function ramp(x: number, stops: readonly number[], colours: readonly Rgb[]): Rgb {
  const last = Math.min(stops.length, colours.length) - 1;
  if (!(x > stops[0]!)) return colours[0]!;
  if (x >= stops[last]!) return colours[last]!;
  let i = 0;
  while (x >= stops[i + 1]!) i++;
  const f = (x - stops[i]!) / (stops[i + 1]! - stops[i]!);
  const a = colours[i]!, b = colours[i + 1]!;
  return [mix(a[0], b[0], f), mix(a[1], b[1], f), mix(a[2], b[2], f)];
}

const mix = (a: number, b: number, f: number): number => Math.round(a + (b - a) * f);

export function speedColour(kmh: number, theme: Theme): Rgb {
  return ramp(kmh, SPEED_STOPS, SPEED[theme]);
}

/** Cividis at t in [0, 1]. */
export function heatColour(t: number): Rgb {
  return ramp(t * (CIVIDIS.length - 1), CIVIDIS.map((_, i) => i), CIVIDIS);
}

export function gradient(colours: readonly Rgb[]): string {
  return `linear-gradient(90deg,${colours.map(c => `rgb(${c.join()})`).join()})`;
}

export const HEAT_GRADIENT = gradient(CIVIDIS);

/** The range the heat scale covers: the middle 96 % of the values, so that one odd cell does not flatten
 * the rest, rounded outward to readable numbers. Keeps `previous` while it still fits, so that colours
 * do not flicker from second to second. */
export function heatDomain(values: readonly number[], previous: readonly [number, number] | null): [number, number] | null {
  const v = values.filter(Number.isFinite).sort((a, b) => a - b);
  if (v.length === 0) return null;
  const low = v[Math.floor((v.length - 1) * 0.02)]!;
  const high = v[Math.ceil((v.length - 1) * 0.98)]!;
  if (previous) {
    const width = previous[1] - previous[0];
    const near = (a: number, b: number): boolean => Math.abs(a - b) <= width * 0.2;
    if (near(low, previous[0]) && near(high, previous[1])) return [previous[0], previous[1]];
  }
  const step = niceStep((high - low) / 5 || Math.abs(high) / 5 || 1);
  const a = Math.floor(low / step) * step;
  const b = Math.ceil(high / step) * step;
  return [tidy(a), tidy(b > a ? b : a + step)];
}

function niceStep(x: number): number {
  const p = 10 ** Math.floor(Math.log10(x));
  const m = x / p;
  return (m <= 1 ? 1 : m <= 2 ? 2 : m <= 5 ? 5 : 10) * p;
}

const tidy = (x: number): number => Number(x.toPrecision(12));
