import { describe, expect, it } from 'vitest';
import { backoff } from './backoff';
import { connection, Freshness, span } from './freshness';

describe('connection', () => {
  const facts = { link: 'open', everOpen: true, age: 100, openFor: 60_000, limit: 5000 } as const;
  it('is live only with an open link and young data', () => {
    expect(connection(facts)).toBe('live');
    expect(connection({ ...facts, age: 5001 })).toBe('stale');
    expect(connection({ ...facts, age: Infinity })).toBe('stale');
    expect(connection({ ...facts, link: 'waiting' })).toBe('reconnecting');
    expect(connection({ ...facts, link: 'connecting' })).toBe('reconnecting');
  });
  it('is connecting, not stale, right after the first opening', () => {
    expect(connection({ ...facts, age: Infinity, openFor: 300 })).toBe('connecting');
    expect(connection({ ...facts, link: 'connecting', everOpen: false, age: Infinity })).toBe('connecting');
    expect(connection({ ...facts, link: 'waiting', everOpen: false, age: Infinity })).toBe('reconnecting');
  });
  it('does not call old data live because the link came back', () => {
    expect(connection({ ...facts, openFor: 0, age: 30_000 })).toBe('stale');
  });
});

describe('Freshness', () => {
  it('counts updates with newer events, not snapshots or repeats', () => {
    const f = new Freshness();
    expect(f.age(0)).toBe(Infinity);
    f.frame(1000, 'snapshot', 5, 900);
    expect(f.age(1000)).toBe(Infinity);
    f.frame(2000, 'update', 5, 1900);
    f.frame(4000, 'update', 5, 1900);
    f.frame(4000, 'update', 0, NaN);
    expect(f.age(5000)).toBe(3000);
  });
  it('counts readings that the server took in', () => {
    const f = new Freshness();
    f.readings(1000, 50);
    expect(f.age(1000)).toBe(Infinity); // one count says nothing about when
    f.readings(2000, 51);
    f.readings(3000, 51);
    expect(f.age(3000)).toBe(1000);
    f.readings(4000, 3); // the server was restarted
    expect(f.age(4000)).toBe(2000);
    f.readings(5000, 4);
    expect(f.age(5000)).toBe(0);
  });
  it('waits longer where data usually comes seldom', () => {
    const often = new Freshness(), seldom = new Freshness();
    for (let i = 0; i < 100; i++) {
      often.frame(i * 1000, 'update', 1, i);
      seldom.frame(i * 10_000, 'update', 1, i);
    }
    expect(often.limit()).toBe(5000);
    expect(seldom.limit()).toBeGreaterThan(25_000);
    expect(seldom.limit()).toBeLessThanOrEqual(60_000);
  });
});

describe('backoff', () => {
  it('doubles to a cap and never drops under half of it', () => {
    const least = [1, 2, 3, 4, 5, 6, 7, 100].map(n => backoff(n, 0)), most = [1, 2, 3, 4, 5, 6, 7, 100].map(n => backoff(n, 0.999999));
    expect(least).toEqual([250, 500, 1000, 2000, 4000, 7500, 7500, 7500]);
    expect(most).toEqual([500, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000]);
  });
});

it('span keeps ages short', () => {
  expect([0, 640, 9940, 9960, 14_200, 119_000, 180_000, 9e6, 3e8, Infinity].map(span))
    .toEqual(['0.0 s', '0.6 s', '9.9 s', '10 s', '14 s', '119 s', '3 min', '3 h', '3 d', '–']);
});
