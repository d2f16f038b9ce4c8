// The devices of one position stream, as columns: what deck.gl uploads is what is kept here. Between two
// reports a device glides from where it is drawn to where it was last seen, over its own usual interval.
import { numbers, texts, type Frame } from './frame';
import { SENSOR, STALE, speedColour, type Rgb, type Theme } from './colours';

export const enum Shape { moving = 0, idle = 1, stale = 2, sensor = 3 }

/** Below this a vehicle stands: GPS noise is about as fast. */
const IDLE_KMH = 3;
const STALE_AT_LEAST = 20_000;
const STALE_INTERVALS = 4;
const FIRST_GAP = 1_000;
const GLIDE_MOST = 3_000;
/** Degrees; a longer jump than this between two reports is shown as a jump. */
const GLIDE_DEGREES = 0.05;

export interface DeviceState {
  id: string;
  lon: number;
  lat: number;
  speed: number;
  heading: number;
  ts: number;
  seen: number;
  shape: Shape;
}

export class Fleet {
  n = 0;
  ids: string[] = [];
  /** Drawn now: lon, lat pairs. */
  at = new Float64Array(0);
  /** Drawn now: degrees counter-clockwise, as deck.gl turns icons. */
  angle = new Float32Array(0);
  colour = new Uint8Array(0);
  shape = new Uint8Array(0);
  speed = new Float32Array(0);
  /** Rises when shapes, colours, or who is in the fleet change. */
  version = 0;
  /** Rises when a drawn position changes. */
  moves = 0;

  private index = new Map<string, number>();
  private from = new Float64Array(0);
  private to = new Float64Array(0);
  private heading = new Float32Array(0);
  private turnFrom = new Float32Array(0);
  private ts = new Float64Array(0);
  private seen = new Float64Array(0); // on our clock
  private start = new Float64Array(0);
  private gap = new Float32Array(0);
  private gliding = false;

  constructor(private theme: Theme) {}

  /** Takes a frame of positions; `glide` false puts devices straight where they are. */
  apply(frame: Frame, now: number, glide: boolean): void {
    const id = texts(frame, 'id'), lat = numbers(frame, 'lat'), lon = numbers(frame, 'lon');
    if (!id || !lat || !lon) return;
    const speed = numbers(frame, 'speed_kmh'), heading = numbers(frame, 'heading'), ts = numbers(frame, 'ts');
    const clock = median(ts);
    const keep = frame.type === 'snapshot' ? new Set<string>() : null;
    for (let r = 0; r < frame.rows; r++) {
      const x = lon[r]!, y = lat[r]!, name = id[r]!;
      if (!name || !Number.isFinite(x) || !Number.isFinite(y)) continue;
      keep?.add(name);
      const known = this.index.get(name);
      const i = known ?? this.add(name, x, y);
      const t = ts?.[r] ?? Number.NaN;
      if (known !== undefined && t <= this.ts[i]!) continue; // late or repeated
      if (known !== undefined) {
        const gap = Math.min(Math.max(now - this.seen[i]!, 100), 60_000);
        this.gap[i]! += (gap - this.gap[i]!) * 0.3;
      }
      this.ts[i] = t;
      this.seen[i] = now - Math.max(0, clock - t || 0);
      this.speed[i] = speed?.[r] ?? Number.NaN;
      this.steer(i, x, y, heading?.[r] ?? Number.NaN, now, glide && known !== undefined);
    }
    if (keep) for (let i = this.n - 1; i >= 0; i--) if (!keep.has(this.ids[i]!)) this.remove(i);
    this.restyle(now);
  }

  /** Moves what is drawn on to `now`. Returns whether anything is still on its way. */
  advance(now: number): boolean {
    if (!this.gliding) return false;
    let gliding = false;
    for (let i = 0; i < this.n; i++) {
      const f = progress(now - this.start[i]!, Math.min(this.gap[i]!, GLIDE_MOST));
      if (f < 1) gliding = true;
      this.at[2 * i] = this.from[2 * i]! + (this.to[2 * i]! - this.from[2 * i]!) * f;
      this.at[2 * i + 1] = this.from[2 * i + 1]! + (this.to[2 * i + 1]! - this.from[2 * i + 1]!) * f;
      const turn = turnBetween(this.turnFrom[i]!, this.heading[i]!);
      this.angle[i] = -(this.turnFrom[i]! + turn * Math.min(1, 3 * f)); // turn first, then drive
    }
    this.gliding = gliding;
    this.moves++;
    return gliding;
  }

  /** Sets shapes and colours anew, since devices go stale by silence. */
  restyle(now: number): void {
    let changed = false;
    for (let i = 0; i < this.n; i++) {
      const quiet = now - this.seen[i]! > Math.max(STALE_AT_LEAST, STALE_INTERVALS * this.gap[i]!);
      const shape = shapeOf(this.speed[i]!, this.heading[i]!, quiet);
      const c = colourOf(shape, this.speed[i]!, this.theme);
      const o = 4 * i;
      if (this.shape[i] === shape && this.colour[o] === c[0] && this.colour[o + 1] === c[1] && this.colour[o + 2] === c[2]) continue;
      this.shape[i] = shape;
      this.colour[o] = c[0];
      this.colour[o + 1] = c[1];
      this.colour[o + 2] = c[2];
      this.colour[o + 3] = shape === Shape.stale ? 200 : 255;
      changed = true;
    }
    if (changed) this.version++;
  }

  setTheme(theme: Theme, now: number): void {
    this.theme = theme;
    this.restyle(now);
  }

  /** Forgets devices outside the box that have been silent: the server only reports those inside. */
  prune(now: number, box: readonly [number, number, number, number]): void {
    for (let i = this.n - 1; i >= 0; i--) {
      const x = this.to[2 * i]!, y = this.to[2 * i + 1]!;
      const outside = x < box[0] || x > box[2] || y < box[1] || y > box[3];
      if (outside && now - this.seen[i]! > STALE_AT_LEAST) this.remove(i);
    }
  }

  /** How many are drawn in the box, whose east may lie past 180° as a map's does. */
  countIn(box: readonly [number, number, number, number]): number {
    let n = 0;
    for (let i = 0; i < this.n; i++) {
      const east = (((this.at[2 * i]! - box[0]) % 360) + 360) % 360, y = this.at[2 * i + 1]!;
      if (east <= box[2] - box[0] && y >= box[1] && y <= box[3]) n++;
    }
    return n;
  }

  find(id: string): number {
    return this.index.get(id) ?? -1;
  }

  state(id: string): DeviceState | null {
    const i = this.find(id);
    if (i < 0) return null;
    return {
      id, lon: this.to[2 * i]!, lat: this.to[2 * i + 1]!, speed: this.speed[i]!, heading: this.heading[i]!,
      ts: this.ts[i]!, seen: this.seen[i]!, shape: this.shape[i]!,
    };
  }

  /** Ids that hold the text, those that begin with it first. */
  search(text: string, most: number): string[] {
    const want = text.trim().toLowerCase();
    if (!want) return [];
    const begins: string[] = [], holds: string[] = [];
    for (const id of this.ids) {
      const at = id.toLowerCase().indexOf(want);
      if (at === 0) begins.push(id);
      else if (at > 0) holds.push(id);
    }
    return begins.sort().concat(holds.sort()).slice(0, most);
  }

  private steer(i: number, x: number, y: number, heading: number, now: number, glide: boolean): void {
    const dx = Math.abs(x - this.at[2 * i]!), dy = Math.abs(y - this.at[2 * i + 1]!);
    const smooth = glide && dx < GLIDE_DEGREES && dy < GLIDE_DEGREES;
    this.from[2 * i] = smooth ? this.at[2 * i]! : x;
    this.from[2 * i + 1] = smooth ? this.at[2 * i + 1]! : y;
    this.to[2 * i] = x;
    this.to[2 * i + 1] = y;
    this.turnFrom[i] = smooth && !Number.isNaN(this.heading[i]!) ? -this.angle[i]! : heading || 0;
    this.heading[i] = heading;
    this.start[i] = smooth ? now : -Infinity;
    this.gliding = true;
  }

  private add(id: string, x: number, y: number): number {
    if (this.n === this.shape.length) this.grow();
    const i = this.n++;
    this.ids[i] = id;
    this.index.set(id, i);
    this.at[2 * i] = x;
    this.at[2 * i + 1] = y;
    this.heading[i] = Number.NaN;
    this.gap[i] = FIRST_GAP;
    this.shape[i] = 255; // so that restyle sets it
    this.version++;
    return i;
  }

  private remove(i: number): void {
    const last = --this.n;
    this.index.delete(this.ids[i]!);
    if (i !== last) {
      for (const a of [this.at, this.from, this.to]) a.copyWithin(2 * i, 2 * last, 2 * last + 2);
      for (const a of [this.angle, this.heading, this.turnFrom, this.speed, this.ts, this.seen, this.start, this.gap, this.shape]) {
        a[i] = a[last]!;
      }
      this.colour.copyWithin(4 * i, 4 * last, 4 * last + 4);
      this.ids[i] = this.ids[last]!;
      this.index.set(this.ids[i]!, i);
    }
    this.ids.length = last;
    this.version++;
    this.moves++;
  }

  private grow(): void {
    const size = Math.max(256, this.shape.length * 2);
    const wide = (a: Float64Array): Float64Array<ArrayBuffer> => { const b = new Float64Array(size * 2); b.set(a); return b; };
    const f64 = (a: Float64Array): Float64Array<ArrayBuffer> => { const b = new Float64Array(size); b.set(a); return b; };
    const f32 = (a: Float32Array): Float32Array<ArrayBuffer> => { const b = new Float32Array(size); b.set(a); return b; };
    const u8 = (a: Uint8Array, n: number): Uint8Array<ArrayBuffer> => { const b = new Uint8Array(n); b.set(a); return b; };
    this.at = wide(this.at); this.from = wide(this.from); this.to = wide(this.to);
    this.angle = f32(this.angle); this.heading = f32(this.heading); this.turnFrom = f32(this.turnFrom);
    this.speed = f32(this.speed); this.gap = f32(this.gap);
    this.ts = f64(this.ts); this.seen = f64(this.seen); this.start = f64(this.start);
    this.shape = u8(this.shape, size); this.colour = u8(this.colour, size * 4);
  }
}

export function shapeOf(speed: number, heading: number, quiet: boolean): Shape {
  if (quiet) return Shape.stale;
  if (Number.isNaN(speed) && Number.isNaN(heading)) return Shape.sensor;
  return speed >= IDLE_KMH || (Number.isNaN(speed) && !Number.isNaN(heading)) ? Shape.moving : Shape.idle;
}

function colourOf(shape: Shape, speed: number, theme: Theme): Rgb {
  if (shape === Shape.stale) return STALE[theme];
  return shape === Shape.sensor ? SENSOR[theme] : speedColour(speed, theme);
}

/** How far along a glide is: 0 at its start, 1 from its end on. */
export function progress(elapsed: number, duration: number): number {
  return elapsed >= duration ? 1 : Math.max(0, elapsed / duration);
}

/** The shorter way round from one heading to another, in degrees; 0 when either is unknown. */
export function turnBetween(from: number, to: number): number {
  const d = (((to - from) % 360) + 540) % 360 - 180;
  return Number.isNaN(d) ? 0 : d;
}

/** The event time the stream is at, by most of its devices: one fast clock must not make the rest look old. */
export function median(ts: ArrayLike<number> | null): number {
  if (!ts || ts.length === 0) return Number.NaN;
  const step = Math.max(1, Math.floor(ts.length / 64));
  const some: number[] = [];
  for (let i = 0; i < ts.length; i += step) if (Number.isFinite(ts[i]!)) some.push(ts[i]!);
  return some.length ? some.sort((a, b) => a - b)[some.length >> 1]! : Number.NaN;
}
