// The live socket: keeps itself connected, subscribed and honest about its state. Browser parts are
// handed in, so that tests need neither.
import { backoff } from './backoff';
import { decodeFrames, type Frame } from './frame';
import type { Alert } from './alerts';
import { parseMessage, type Status } from './messages';
import type { FenceEvent } from './fences';
import type { Link } from './freshness';

export type Box = readonly [west: number, south: number, east: number, north: number];

/** The part of WebSocket that is used. */
export interface Socket {
  binaryType: string;
  onopen: (() => void) | null;
  onclose: (() => void) | null;
  onmessage: ((e: { data: unknown }) => void) | null;
  send(text: string): void;
  close(): void;
}

export interface FeedEvents {
  link(link: Link, attempt: number, retryAt: number): void;
  frame(frame: Frame): void;
  status(status: Status): void;
  /** Fence events; `all` when they are the recent ones, and not news. */
  events(events: readonly FenceEvent[], all: boolean): void;
  /** Steps of alerts; `all` when they are those changed last, as they stand. */
  alerts(alerts: readonly Alert[], all: boolean): void;
  problem(message: string): void;
}

export interface World {
  connect(): Socket;
  now(): number;
  random(): number;
  after(ms: number, then: () => void): number;
  cancel(timer: number): void;
}

/** The server sends a status each second; this long without a byte means the link is dead though open. */
const SILENCE = 12_000;
const OPENING = 10_000;

export class Feed {
  private socket: Socket | null = null;
  private open = false;
  private attempt = 0;
  private retry = 0;
  private watch = 0;
  private topics = new Set<string>();
  private box: Box | null = null;

  constructor(private readonly on: FeedEvents, private readonly world: World) {}

  start(topics: readonly string[], box: Box | null): void {
    this.topics = new Set(topics);
    this.box = box;
    this.dial();
  }

  subscribe(topic: string): void {
    if (this.topics.has(topic)) return;
    this.topics.add(topic);
    this.say({ action: 'subscribe', topics: [topic], bbox: this.box ?? undefined, encoding: 'binary' });
  }

  unsubscribe(topic: string): void {
    if (this.topics.delete(topic)) this.say({ action: 'unsubscribe', topics: [topic] });
  }

  look(box: Box): void {
    this.box = box;
    this.say({ action: 'viewport', bbox: box });
  }

  /** Stops waiting and tries at once. */
  retryNow(): void {
    if (this.socket) return;
    this.world.cancel(this.retry);
    this.dial();
  }

  close(): void {
    this.world.cancel(this.retry);
    this.drop();
  }

  private dial(): void {
    this.on.link('connecting', this.attempt, 0);
    this.expect(OPENING);
    let socket: Socket;
    try {
      socket = this.world.connect();
    } catch (e) {
      this.on.problem(String(e));
      this.lost();
      return;
    }
    this.socket = socket;
    socket.binaryType = 'arraybuffer';
    socket.onopen = () => {
      this.open = true;
      this.expect(SILENCE);
      this.on.link('open', this.attempt, 0);
      this.say({ action: 'subscribe', topics: [...this.topics], bbox: this.box ?? undefined, encoding: 'binary' });
    };
    socket.onmessage = e => {
      this.attempt = 0;
      this.expect(SILENCE);
      this.read(e.data);
    };
    socket.onclose = () => this.lost();
  }

  private read(data: unknown): void {
    if (data instanceof ArrayBuffer) {
      const { frames, problems } = decodeFrames(data);
      for (const f of frames) this.on.frame(f);
      for (const p of problems) this.on.problem(p);
      return;
    }
    const m = parseMessage(String(data));
    if (m.kind === 'frame') this.on.frame(m.frame);
    else if (m.kind === 'status') this.on.status(m.status);
    else if (m.kind === 'alerts') this.on.alerts(m.alerts, m.all);
    else if (m.kind === 'events') this.on.events(m.events, m.all);
    else this.on.problem(m.kind === 'error' ? m.message : `message skipped: ${m.why}`);
  }

  private lost(): void {
    this.drop();
    this.attempt++;
    const wait = backoff(this.attempt, this.world.random());
    this.on.link('waiting', this.attempt, this.world.now() + wait);
    this.retry = this.world.after(wait, () => this.dial());
  }

  private drop(): void {
    this.world.cancel(this.watch);
    const s = this.socket;
    this.socket = null;
    this.open = false;
    if (!s) return;
    s.onopen = s.onclose = s.onmessage = null;
    s.close();
  }

  /** Gives the link up when nothing comes within `ms`. */
  private expect(ms: number): void {
    this.world.cancel(this.watch);
    this.watch = this.world.after(ms, () => this.lost());
  }

  private say(message: object): void {
    if (this.open) this.socket?.send(JSON.stringify(message));
  }
}
