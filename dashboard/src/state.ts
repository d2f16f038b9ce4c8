// What the panels show. Signals only; the session writes them, components read them.
import { computed, signal } from '@preact/signals';
import type { Config, StreamInfo, ViewInfo } from './data/api';
import type { Theme } from './data/colours';
import type { Draft } from './data/draft';
import type { Connection, Link } from './data/freshness';
import type { Status } from './data/messages';
import type { Picked } from './map/livemap';

export interface HeatChoice { view: string; cell: string; value: string }

const query = new URLSearchParams(location.search);

export const config = signal<Config | null>(null);
export const views = signal<ViewInfo[]>([]);
export const streams = signal<StreamInfo[]>([]);

export const theme = signal<Theme>(firstTheme());
export const shown = signal<ReadonlySet<string>>(new Set());
export const heatShown = signal(true);
export const heatChoice = signal<HeatChoice | null>(null);
export const heatDomain = signal<readonly [number, number] | null>(null);
export const picked = signal<Picked | null>(null);

export const link = signal<{ link: Link; attempt: number; retryAt: number }>({ link: 'connecting', attempt: 0, retryAt: 0 });
export const connection = signal<Connection>('connecting');
export const age = signal(Infinity);
export const status = signal<Status | null>(null);
/** Event-time lag now: what the server said, plus the time since. */
export const lag = signal<number | null>(null);
export const counts = signal<{ inView: ReadonlyMap<string, number>; cells: number }>({ inView: new Map(), cells: 0 });
/** Rises each half second, for what shows ages. */
export const clock = signal(Date.now());
/** The newest message worth an operator's eye; null when dismissed. */
export const notice = signal<string | null>(null);
export const needsToken = signal(false);

/** The first stream is the one vehicles drive in; heat steps back while it is shown. */
export const vehicleStream = computed(() => config.value?.position_streams[0] ?? null);
export const heatBeneath = computed(() => vehicleStream.value !== null && shown.value.has(vehicleStream.value));

export function toggleStream(name: string): void {
  const s = new Set(shown.value);
  if (!s.delete(name)) s.add(name);
  shown.value = s;
}

export function toggleTheme(): void {
  theme.value = theme.value === 'dark' ? 'light' : 'dark';
  localStorage.setItem('hexpane.theme', theme.value);
}

function firstTheme(): Theme {
  const t = query.get('theme') ?? localStorage.getItem('hexpane.theme');
  return t === 'light' ? 'light' : 'dark';
}

/** Does the server know fences at all? */
export const fencesKnown = signal(false);
export const fencesShown = signal(true);
/** Rises when fences, their counts or their events change. */
export const fencesVersion = signal(0);
export const eventsShown = signal(matchMedia('(min-width: 761px)').matches);
/** Does the server know alerts at all? */
export const alertsKnown = signal(false);
export const alertsShown = signal(false);
/** Rises when alerts, or what is known of them, change. */
export const alertsVersion = signal(0);
/** The alert that fired last, for screen readers. */
export const alertVoice = signal('');
export const draft = signal<Draft | null>(null);
