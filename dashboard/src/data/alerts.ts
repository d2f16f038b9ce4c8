// What the page knows of alerts: those that fire or are taken care of, the worst and newest first, and where each is.
import { cellToLatLng, isValidCell } from 'h3-js';

export interface Alert {
  id: string;
  alert: string;
  key: string;
  state: string;
  severity: string;
  condition: string;
  /** Milliseconds since the epoch; NaN when it cannot be read. */
  since: number;
  value: number | null;
  by: string;
  /** Ids of the silences that keep it from channels. */
  silences: readonly string[];
}

const SEVERITIES = ['critical', 'warning', 'info'];
const STANDS = new Set(['firing', 'acknowledged']);

const text = (v: unknown): string => (typeof v === 'string' ? v : '');

/** An alert as the socket or the list gives it; null when it has no name or was never told. */
export function readAlert(v: unknown): Alert | null {
  if (typeof v !== 'object' || v === null) return null;
  const a = v as Record<string, unknown>;
  if (!text(a.id) || !text(a.alert)) return null;
  return {
    id: text(a.id), alert: text(a.alert), key: text(a.key), state: text(a.state), severity: text(a.severity), condition: text(a.condition),
    since: Date.parse(text(a.since)), value: typeof a.value === 'number' ? a.value : null, by: text(a.acknowledged_by),
    silences: Array.isArray(a.silenced_by) ? a.silenced_by.map(String) : [],
  };
}

export class Alerts {
  private readonly all = new Map<string, Alert>();

  /** Takes all that the socket keeps, which forgets nothing that stands. */
  replace(alerts: readonly Alert[]): void {
    const silenced = new Map([...this.all].map(([id, a]) => [id, a.silences]));
    this.all.clear();
    for (const a of alerts) this.take({ ...a, silences: silenced.get(a.id) ?? a.silences });
  }

  /** Takes a step; true when it begins to fire. */
  step(a: Alert): boolean {
    const had = this.all.get(a.id);
    this.take({ ...a, silences: had?.silences ?? a.silences });
    return a.state === 'firing' && had === undefined;
  }

  /** Takes from the server's list what the socket does not tell: which silences hold what back. True when that changed. */
  silenced(list: readonly Alert[]): boolean {
    let changed = false;
    for (const a of list) {
      const had = this.all.get(a.id);
      if (!had || had.silences.join() === a.silences.join()) continue;
      this.all.set(a.id, { ...had, silences: a.silences });
      changed = true;
    }
    return changed;
  }

  /** Those that want somebody first, then the worst, then the newest. */
  list(): Alert[] {
    const rank = (a: Alert): number => (a.silences.length ? 20 : 0) + (a.state === 'firing' ? 0 : 10) + (SEVERITIES.indexOf(a.severity) + 4) % 4;
    return [...this.all.values()].sort((a, b) => rank(a) - rank(b) || b.since - a.since || (a.id < b.id ? -1 : 1));
  }

  /** How many want somebody, and the worst severity among them. */
  open(): { count: number; worst: string | null } {
    const open = [...this.all.values()].filter(a => a.state === 'firing' && a.silences.length === 0);
    return { count: open.length, worst: SEVERITIES.find(s => open.some(a => a.severity === s)) ?? null };
  }

  private take(a: Alert): void {
    if (STANDS.has(a.state)) this.all.set(a.id, a);
    else this.all.delete(a.id);
  }
}

export type Place =
  | { kind: 'cell'; cell: string; at: [lon: number, lat: number] }
  | { kind: 'fence'; id: string }
  | { kind: 'device'; id: string };

/** Where an alert is, by its key: a cell, a fence that is known, or else a device. Of a device at a fence it is the device, if that is on the map. */
export function placeOf(key: string, isFence: (id: string) => boolean, isDevice: (id: string) => boolean): Place | null {
  const parts = [key, ...key.split('/')];
  const device = parts.find(isDevice);
  if (device) return { kind: 'device', id: device };
  for (const p of parts) {
    if (isValidCell(p)) {
      const [lat, lon] = cellToLatLng(p);
      return { kind: 'cell', cell: p, at: [lon, lat] };
    }
    if (isFence(p)) return { kind: 'fence', id: p };
  }
  return key ? { kind: 'device', id: parts[1]! } : null;
}
