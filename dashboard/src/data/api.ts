// The HTTP calls the page makes, relative to where it is served from, with the operator's token.

import type { Feature } from 'geojson';
import { readAlert, type Alert } from './alerts';
import type { FenceCollection, FenceFeature } from './fences';

export interface Inside { fence: string; count: number; devices: { stream: string; device: string }[] }

export interface Config {
  title: string;
  center: [number, number];
  zoom: number;
  basemap: string | null;
  position_streams: string[];
  heat: { view: string; cell: string; value: string } | null;
  version: string;
}

export interface ColumnInfo { name: string; type: string }
export interface ViewInfo { name: string; stream?: string; columns: ColumnInfo[]; window_s?: number | null }
export interface StreamInfo { name: string; key: string; columns: ColumnInfo[] }
export interface Table { columns: ColumnInfo[]; rows: unknown[][]; watermark: string | null }

export class ApiError extends Error {
  constructor(message: string, readonly status: number) {
    super(message);
  }
}

const TOKEN = 'hexpane.token';

/** The token of `?token=` is kept for later visits and taken out of the address, which people share. */
export function takeToken(): string {
  const here = new URL(location.href);
  const given = here.searchParams.get('token');
  if (given === null) return localStorage.getItem(TOKEN) ?? '';
  setToken(given);
  here.searchParams.delete('token');
  history.replaceState(null, '', here);
  return given;
}

export function setToken(token: string): void {
  localStorage.setItem(TOKEN, token);
}

/** Addresses the server gives begin at its root; behind a proxy ours may be deeper. */
export function address(path: string): URL {
  return new URL(path.replace(/^\//, ''), document.baseURI);
}

export function socketAddress(token: string): URL {
  const url = address('ws');
  url.search = '';
  url.hash = '';
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  if (token) url.searchParams.set('token', token);
  return url;
}

export function authHeaders(token: string): Record<string, string> {
  return token ? { Authorization: `Bearer ${token}` } : {};
}

export class Api {
  constructor(readonly token: string) {}

  config(): Promise<Config> {
    return this.call('api/v1/config');
  }

  async views(): Promise<ViewInfo[]> {
    return (await this.call<{ views: ViewInfo[] | null }>('api/v1/views')).views ?? [];
  }

  async streams(): Promise<StreamInfo[]> {
    return (await this.call<{ streams: StreamInfo[] | null }>('api/v1/streams')).streams ?? [];
  }

  sql(statement: string): Promise<Table> {
    return this.call('api/v1/sql', JSON.stringify({ sql: statement }));
  }

  fences(): Promise<FenceCollection> {
    return this.call('api/v1/fences');
  }

  fence(id: string): Promise<Feature> {
    return this.call(fencePath(id));
  }

  /** Stores the fence. With `version`, only over that one: HTTP 412 when it changed meanwhile. */
  putFence(f: FenceFeature, version: number | null): Promise<Feature> {
    return this.call(fencePath(f.id), JSON.stringify(f), 'PUT', version === null ? {} : { 'If-Match': `"${version}"` });
  }

  async deleteFence(id: string): Promise<void> {
    await this.call(fencePath(id), undefined, 'DELETE');
  }

  async importFences(collection: string): Promise<void> {
    await this.call('api/v1/fences', collection, 'POST');
  }

  inside(id: string): Promise<Inside> {
    return this.call(`${fencePath(id)}/inside`);
  }

  async alerts(): Promise<Alert[]> {
    return ((await this.call<{ alerts: unknown[] | null }>('api/v1/alerts')).alerts ?? []).map(readAlert).filter(a => a !== null);
  }

  acknowledge(id: string): Promise<unknown> {
    return this.call(`api/v1/alerts/${encodeURIComponent(id)}/ack`, '{}', 'POST');
  }

  silence(matchers: readonly { name: string; value: string }[], lasting: string): Promise<unknown> {
    return this.call('api/v1/silences', JSON.stringify({ matchers, for: lasting, comment: 'from the map' }), 'POST');
  }

  /** Ends a silence; one that is over already is no error. */
  async endSilence(id: string): Promise<void> {
    await this.call(`api/v1/silences/${encodeURIComponent(id)}`, undefined, 'DELETE').catch(e => {
      if (!(e instanceof ApiError && e.status === 404)) throw e;
    });
  }

  private async call<T>(path: string, body?: string, method = body === undefined ? 'GET' : 'POST', more: Record<string, string> = {}): Promise<T> {
    const headers: Record<string, string> = { ...authHeaders(this.token), ...more };
    if (body !== undefined) headers['Content-Type'] = 'application/json';
    const r = await fetch(address(path), { method, headers, body });
    if (r.status === 204) return undefined as T;
    const answer = (await r.json().catch(() => null)) as (T & { error?: { message?: string } }) | null;
    if (!r.ok || answer === null) throw new ApiError(answer?.error?.message ?? `${path}: HTTP ${r.status}`, r.status);
    return answer;
  }
}

const fencePath = (id: string): string => `api/v1/fences/${encodeURIComponent(id)}`;

const NUMERIC = /^(BIGINT|DOUBLE|DECIMAL|INT|INTEGER|FLOAT|REAL)/i;

export function cellColumn(view: ViewInfo): string | null {
  return view.columns.find(c => /^CELL/i.test(c.type))?.name ?? null;
}

export function numericColumns(view: ViewInfo): string[] {
  const own = view.columns.filter(c => NUMERIC.test(c.type) && c.name !== 'revision');
  return own.map(c => c.name);
}
