import { expect, it } from 'vitest';
import { unwrapRing } from './antimeridian';

it('leaves ordinary rings as they are', () => {
  const ring = [[0, 0], [10, 0], [10, 10], [0, 0]];
  expect(unwrapRing(ring)).toEqual(ring);
});

it('goes on past the antimeridian and comes back', () => {
  expect(unwrapRing([[170, 60], [-170, 60], [-170, 70], [170, 70], [170, 60]])).toEqual([[170, 60], [190, 60], [190, 70], [170, 70], [170, 60]]);
});

it('closes a ring around the pole along the pole', () => {
  expect(unwrapRing([[-120, -70], [0, -75], [120, -70], [-120, -70]])).toEqual([[-120, -70], [0, -75], [120, -70], [240, -70], [240, -90], [-120, -90], [-120, -70]]);
});
