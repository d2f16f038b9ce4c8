import { beforeEach, describe, expect, it } from 'vitest';
import { Feed, type Socket } from './feed';

class FakeSocket implements Socket {
  binaryType = '';
  onopen: (() => void) | null = null;
  onclose: (() => void) | null = null;
  onmessage: ((e: { data: unknown }) => void) | null = null;
  sent: Record<string, unknown>[] = [];
  closed = false;
  send(text: string): void { this.sent.push(JSON.parse(text) as Record<string, unknown>); }
  close(): void { this.closed = true; }
}

let time: number, sockets: FakeSocket[], timers: Map<number, { at: number; then: () => void }>, links: string[], problems: string[], feed: Feed;
const last = (): FakeSocket => sockets.at(-1)!;
const pass = (ms: number): void => {
  for (const until = time + ms; ;) {
    const next = [...timers].filter(([, t]) => t.at <= until).sort((a, b) => a[1].at - b[1].at)[0];
    if (!next) { time = until; return; }
    time = next[1].at;
    timers.delete(next[0]);
    next[1].then();
  }
};

beforeEach(() => {
  [time, sockets, timers, links, problems] = [0, [], new Map(), [], []];
  let id = 0;
  feed = new Feed({ link: l => links.push(l), frame: () => {}, status: () => {}, alerts: () => undefined, events: () => {}, problem: m => problems.push(m) }, {
    connect: () => { sockets.push(new FakeSocket()); return last(); },
    now: () => time, random: () => 0, after: (ms, then) => { timers.set(++id, { at: time + ms, then }); return id; }, cancel: t => timers.delete(t),
  });
  feed.start(['positions:v', 'status:*'], [0, 0, 1, 1]);
});

describe('Feed', () => {
  it('subscribes on open, and to what is asked for meanwhile', () => {
    feed.subscribe('view:a');
    feed.look([2, 2, 3, 3]);
    expect(last().sent).toEqual([]);
    last().onopen!();
    expect(last().sent).toEqual([{ action: 'subscribe', topics: ['positions:v', 'status:*', 'view:a'], bbox: [2, 2, 3, 3], encoding: 'binary' }]);
    feed.unsubscribe('view:a');
    feed.unsubscribe('view:a');
    feed.look([4, 4, 5, 5]);
    expect(last().sent.slice(1)).toEqual([{ action: 'unsubscribe', topics: ['view:a'] }, { action: 'viewport', bbox: [4, 4, 5, 5] }]);
  });

  it('comes back with growing pauses, and quickly again after a message', () => {
    const pauses: number[] = [];
    for (let n = 0; n < 4; n++) {
      last().onclose!();
      const from = time, count = sockets.length;
      while (sockets.length === count) pass(50);
      pauses.push(time - from);
    }
    expect(pauses).toEqual([250, 500, 1000, 2000]);
    last().onopen!();
    last().onmessage!({ data: '{}' });
    last().onclose!();
    const count = sockets.length;
    pass(250);
    expect(sockets.length).toBe(count + 1);
    expect(last().sent).toEqual([]);
  });

  it('gives up a link that is open but silent', () => {
    last().onopen!();
    const dead = last();
    pass(11_000);
    expect(dead.closed).toBe(false);
    pass(1500);
    expect(dead.closed).toBe(true);
    expect(sockets.length).toBe(2);
    expect(links).toEqual(['connecting', 'open', 'waiting', 'connecting']);
  });

  it('keeps a link that talks', () => {
    last().onopen!();
    for (let i = 0; i < 60; i++) {
      pass(1000);
      last().onmessage!({ data: '{"type":"error","message":"no"}' });
    }
    expect(sockets.length).toBe(1);
    expect(problems[0]).toBe('no');
  });

  it('retries at once when told to, once', () => {
    last().onclose!();
    feed.retryNow();
    feed.retryNow();
    pass(240);
    expect(sockets.length).toBe(2);
  });

  it('is quiet after close', () => {
    last().onopen!();
    feed.close();
    pass(100_000);
    expect(sockets.length).toBe(1);
  });
});
