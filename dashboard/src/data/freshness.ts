// Is what the screen shows still true? One pure answer from the link's state and the age of the data.

export type Connection = 'connecting' | 'live' | 'stale' | 'reconnecting';
export type Link = 'connecting' | 'open' | 'waiting';

export interface Facts {
  link: Link;
  /** True once a socket has been open in this visit. */
  everOpen: boolean;
  /** Milliseconds since new data came; Infinity when none ever did. */
  age: number;
  /** Milliseconds since the socket opened. */
  openFor: number;
  /** The age at which data is stale. */
  limit: number;
}

export function connection(f: Facts): Connection {
  if (f.link !== 'open') return f.everOpen || f.link === 'waiting' ? 'reconnecting' : 'connecting';
  if (f.age <= f.limit) return 'live';
  return f.age === Infinity && f.openFor <= f.limit ? 'connecting' : 'stale';
}

const LEAST = 5_000;
const MOST = 60_000;

/** Remembers when new data came, and learns how often it usually does: a site with a reading every ten
 * seconds is not stale after five. Only newer data counts; a snapshot of old rows does not. */
export class Freshness {
  private last = -Infinity;
  private gap = 0;
  private readingsTotal = -1;
  private newest = -Infinity;

  /** A data frame: `newest` is the latest event time in it. */
  frame(now: number, type: 'snapshot' | 'update', rows: number, newest: number): void {
    const newer = newest > this.newest;
    if (newer) this.newest = newest;
    if (type === 'update' && rows > 0 && (newer || Number.isNaN(newest))) this.note(now);
  }

  /** The server's own counter: it also moves when the map looks at a place without vehicles. */
  readings(now: number, total: number): void {
    if (this.readingsTotal >= 0 && total > this.readingsTotal) this.note(now);
    this.readingsTotal = total;
  }

  age(now: number): number {
    return Math.max(0, now - this.last);
  }

  limit(): number {
    return Math.min(MOST, Math.max(LEAST, 3 * this.gap));
  }

  private note(now: number): void {
    const gap = now - this.last;
    if (Number.isFinite(gap)) this.gap += (Math.min(gap, MOST / 3) - this.gap) * 0.1;
    this.last = now;
  }
}

/** An age in words that stay short: "0.6 s", "14 s", "3 min", "2 h". */
export function span(ms: number): string {
  if (!Number.isFinite(ms)) return '–';
  const s = Math.max(0, ms) / 1000;
  if (s < 9.95) return `${s.toFixed(1)} s`;
  if (s < 120) return `${Math.round(s)} s`;
  if (s < 7200) return `${Math.round(s / 60)} min`;
  if (s < 172_800) return `${Math.round(s / 3600)} h`;
  return `${Math.round(s / 86_400)} d`;
}
