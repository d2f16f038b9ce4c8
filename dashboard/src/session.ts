// The straight line from the socket to the screen: frames into stores, stores into the picture and the panels.
import { effect, untracked } from '@preact/signals';
import { getResolution } from 'h3-js';
import { Api, ApiError, address, authHeaders, cellColumn, numericColumns, socketAddress, takeToken, type Config } from './data/api';
import { heatDomain as domainOf } from './data/colours';
import { Feed, type Box, type Socket } from './data/feed';
import { Fleet } from './data/fleet';
import { numbers, type Frame } from './data/frame';
import { connection as connectionOf, Freshness } from './data/freshness';
import { format } from './data/format';
import { Fences } from './data/fences';
import { Heat } from './data/heat';
import { middleOf } from './data/shape';
import { latestOf } from './data/sql';
import { LiveMap, reducedMotion, type Picked } from './map/livemap';
import { Alerting } from './alerting';
import { Alerts } from './data/alerts';
import { Fencing } from './fencing';
import * as state from './state';

const LOOK_EVERY = 300; // ms between viewports told to the server while the map moves
const FENCE_TOPICS = ['fences:*', 'inside:fences'];
const FRAMES_KEPT = 2000;

export interface SeenFrame { receivedAt: number; topic: string; maxTs: number }

export class Session {
  readonly api = new Api(takeToken());
  readonly fleets = new Map<string, Fleet>();
  readonly fences = new Fences();
  readonly fencing = new Fencing(this.api, this.fences, () => this.map);
  readonly alerts = new Alerts();
  readonly alerting = new Alerting(this.api, this.alerts, {
    isFence: id => this.fences.all.has(id),
    isDevice: id => [...this.fleets.values()].some(f => f.state(id) !== null),
    toDevice: id => this.goTo(id),
    toFence: id => {
      const f = this.fences.all.get(id);
      if (f) this.map?.fly(middleOf(f.geometry), 13);
      this.select({ kind: 'fence', id });
    },
    toCell: (cell, at) => {
      this.map?.fly(at, Math.min(15, getResolution(cell) + 5));
      this.select({ kind: 'cell', cell });
    },
  });
  readonly frames: SeenFrame[] = [];
  heat: Heat | null = null;
  map: LiveMap | null = null;
  private readonly test = new URLSearchParams(location.search).get('test') === '1';
  private readonly freshness = new Freshness();
  private readonly feed: Feed;
  private openedAt = 0;
  private everOpen = false;
  private statusAt = 0;
  private lookAt = 0;
  private looking = 0;
  private started = false;
  private configTries = 0;

  constructor() {
    const world = {
      connect: (): Socket => new WebSocket(socketAddress(this.api.token)) as unknown as Socket,
      now: Date.now,
      random: Math.random,
      after: (ms: number, then: () => void): number => window.setTimeout(then, ms),
      cancel: (timer: number): void => window.clearTimeout(timer),
    };
    this.feed = new Feed({
      link: (link, attempt, retryAt) => this.onLink(link, attempt, retryAt),
      frame: f => this.onFrame(f),
      status: s => {
        this.statusAt = Date.now();
        this.freshness.readings(this.statusAt, s.readings_total);
        state.status.value = s;
      },
      events: (events, all) => this.fencing.heard(events, all),
      alerts: (alerts, all) => this.alerting.heard(alerts, all),
      problem: m => this.onProblem(m),
    }, world);
    addEventListener('online', () => this.feed.retryNow());
    setInterval(() => this.tick(), 500);
  }

  retryNow(): void {
    if (this.started) this.feed.retryNow();
    else location.reload();
  }

  /** Learns what the site is, then opens the map in `container`. Keeps trying while the server is away. */
  async begin(container: HTMLElement): Promise<void> {
    let config: Config;
    try {
      config = await this.api.config();
    } catch (e) {
      if (e instanceof ApiError && (e.status === 401 || e.status === 403)) {
        state.needsToken.value = true;
        return;
      }
      state.link.value = { link: 'waiting', attempt: ++this.configTries, retryAt: Date.now() + 2000 };
      setTimeout(() => void this.begin(container), 2000);
      return;
    }
    this.open(config, container);
    void this.learn();
    if (await this.alerting.load()) this.feed.subscribe('alerts:*');
    if (await this.fencing.load()) for (const t of FENCE_TOPICS) this.feed.subscribe(t);
  }

  select(what: Picked | null): void {
    state.picked.value = what;
  }

  /** Shows a device by its id: from what is on the map, else from the server's latest row. */
  async goTo(id: string): Promise<boolean> {
    for (const [stream, fleet] of this.fleets) {
      const d = fleet.state(id);
      if (!d) continue;
      this.show(stream, id, [d.lon, d.lat]);
      return true;
    }
    for (const stream of state.config.value?.position_streams ?? []) {
      const row = await this.latest(stream, id).catch(() => null);
      const lon = Number(row?.get('lon')), lat = Number(row?.get('lat'));
      if (!row || !Number.isFinite(lon) || !Number.isFinite(lat)) continue;
      this.show(stream, id, [lon, lat]);
      return true;
    }
    return false;
  }

  /** The newest row of a device, column by column. */
  async latest(stream: string, id: string): Promise<Map<string, unknown> | null> {
    const key = state.streams.value.find(s => s.name === stream)?.key ?? 'device';
    const t = await this.api.sql(latestOf(stream, key, id));
    const row = t.rows[0];
    return row ? new Map(t.columns.map((c, i) => [c.name, row[i]])) : null;
  }

  search(text: string, most: number): string[] {
    return [...this.fleets.values()].flatMap(f => f.search(text, most)).slice(0, most);
  }

  connection(): string {
    return state.connection.value;
  }

  ageMs(): number {
    return this.freshness.age(Date.now());
  }

  private show(stream: string, id: string, at: [number, number]): void {
    if (!state.shown.value.has(stream)) state.toggleStream(stream);
    this.select({ kind: 'device', stream, id });
    this.map?.fly(at, 15);
  }

  private open(config: Config, container: HTMLElement): void {
    document.title = `${config.title} – hexpane`;
    for (const s of config.position_streams) this.fleets.set(s, new Fleet(state.theme.value));
    state.config.value = config;
    state.shown.value = new Set(config.position_streams);
    state.heatChoice.value = config.heat;
    this.map = new LiveMap({
      container,
      center: config.center,
      zoom: config.zoom,
      city: config.basemap ? address(config.basemap).href : null,
      theme: state.theme.value,
      headers: url => (url.startsWith(address('api/').href) ? authHeaders(this.api.token) : {}),
      keepPicture: this.test,
    }, {
      pick: what => this.select(what),
      moved: box => this.look(box),
      hover: what => this.hoverText(what),
      now: Date.now,
      draft: () => state.draft.peek(),
      drawn: d => { state.draft.value = d; },
    });
    effect(() => this.draw());
    effect(() => {
      const choice = state.heatChoice.value;
      untracked(() => this.follow(choice));
    });
    effect(() => {
      for (const f of this.fleets.values()) f.setTheme(state.theme.value, Date.now());
    });
    this.feed.start(this.topics(), this.map.box());
    this.started = true;
  }

  private topics(): string[] {
    const positions = [...this.fleets.keys()].map(s => `positions:${s}`);
    return [...positions, ...(this.heat ? [`view:${this.heat.view}`] : []), 'status:*'];
  }

  private async learn(): Promise<void> {
    try {
      [state.views.value, state.streams.value] = await Promise.all([this.api.views(), this.api.streams()]);
    } catch (e) {
      console.warn('views and streams:', e);
      setTimeout(() => void this.learn(), 5000);
      return;
    }
    if (state.heatChoice.value) return;
    for (const v of state.views.value) {
      const cell = cellColumn(v), value = numericColumns(v)[0];
      if (cell && value) {
        state.heatChoice.value = { view: v.name, cell, value };
        return;
      }
    }
  }

  private draw(): void {
    void state.fencesVersion.value;
    this.map?.draw({
      fleets: this.fleets,
      shown: state.shown.value,
      heat: this.heat,
      heatShown: state.heatShown.value,
      heatDomain: state.heatDomain.value,
      heatBeneath: state.heatBeneath.value,
      picked: state.picked.value,
      fences: this.fences,
      fencesShown: state.fencesShown.value,
      draft: state.draft.value,
      theme: state.theme.value,
    });
  }

  /** Changes which view's cells are shown. */
  private follow(choice: state.HeatChoice | null): void {
    const old = this.heat;
    if (old) this.feed.unsubscribe(`view:${old.view}`);
    this.heat = choice && new Heat(choice.view, choice.cell, choice.value);
    state.heatDomain.value = null;
    if (this.heat) this.feed.subscribe(`view:${this.heat.view}`);
    this.draw();
  }

  private look(box: Box): void {
    clearTimeout(this.looking);
    const wait = Math.max(0, this.lookAt + LOOK_EVERY - Date.now());
    this.looking = window.setTimeout(() => {
      this.lookAt = Date.now();
      this.feed.look(box);
    }, wait);
  }

  private onLink(link: 'connecting' | 'open' | 'waiting', attempt: number, retryAt: number): void {
    if (link === 'open') {
      this.openedAt = Date.now();
      this.everOpen = true;
    }
    state.link.value = { link, attempt, retryAt };
    this.judge();
  }

  private onFrame(frame: Frame): void {
    const now = Date.now();
    const ts = numbers(frame, 'ts') ?? numbers(frame, 'window_end');
    const newest = largest(ts);
    this.frames.push({ receivedAt: now, topic: frame.topic, maxTs: newest });
    if (this.frames.length > FRAMES_KEPT) this.frames.splice(0, FRAMES_KEPT / 2);
    const [kind, name] = split(frame.topic);
    if (kind === 'positions') {
      this.freshness.frame(now, frame.type, frame.rows, newest);
      this.fleets.get(name)?.apply(frame, now, !reducedMotion());
      this.map?.touch();
    } else if (frame.topic === 'inside:fences') {
      this.fencing.counted(frame);
    } else if (kind === 'view' && this.heat?.view === name) {
      this.heat.apply(frame);
      if (frame.type === 'snapshot' || this.heat.cells.length === 0) this.refreshHeat();
    }
    this.judge();
  }

  private refreshHeat(): void {
    if (!this.heat?.refresh()) return;
    state.heatDomain.value = domainOf(this.heat.cells.map(c => c.value), state.heatDomain.peek());
    this.map?.touch();
  }

  private onProblem(message: string): void {
    console.warn('live:', message);
    if (!/skipped|unknown|cannot be read|runs past|no frame/.test(message)) state.notice.value = message;
  }

  private judge(): void {
    const now = Date.now();
    state.connection.value = connectionOf({
      link: state.link.peek().link,
      everOpen: this.everOpen,
      age: this.freshness.age(now),
      openFor: now - this.openedAt,
      limit: this.freshness.limit(),
    });
  }

  private tick(): void {
    const now = Date.now();
    this.judge();
    this.refreshHeat();
    state.age.value = this.freshness.age(now);
    const s = state.status.peek();
    state.lag.value = s?.event_lag_ms == null ? null : s.event_lag_ms + (now - this.statusAt);
    if (this.map) {
      const screen = this.map.screen(), box = this.map.box();
      for (const f of this.fleets.values()) {
        const before = f.version;
        if (box[0] < box[2]) f.prune(now, box);
        f.restyle(now);
        if (f.version !== before) this.map.touch();
      }
      const inView = new Map([...this.fleets].map(([k, f]) => [k, f.countIn(screen)]));
      state.counts.value = { inView, cells: this.heat?.cells.length ?? 0 };
    }
    state.clock.value = now;
  }

  private hoverText(what: Picked): string | null {
    if (what.kind === 'cell') {
      const c = this.heat?.get(what.cell);
      return c ? `${this.heat?.valueColumn} ${format(c.value)}` : null;
    }
    if (what.kind === 'fence') {
      const f = this.fences.all.get(what.id);
      return f ? `${f.name} · ${f.inside} inside` : null;
    }
    const d = this.fleets.get(what.stream)?.state(what.id);
    if (!d) return null;
    return Number.isNaN(d.speed) ? d.id : `${d.id} · ${Math.round(d.speed)} km/h`;
  }
}

function split(topic: string): [string, string] {
  const at = topic.indexOf(':');
  return at < 0 ? [topic, ''] : [topic.slice(0, at), topic.slice(at + 1)];
}

function largest(values: ArrayLike<number> | null): number {
  let m = Number.NaN;
  for (let i = 0; values && i < values.length; i++) if (!(values[i]! <= m)) m = Number.isNaN(values[i]!) ? m : values[i]!;
  return m;
}
