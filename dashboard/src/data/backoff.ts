/** Milliseconds before reconnection attempt n (from 1): doubling up to a cap, with jitter so that the
 * screens of a whole control room do not come back in the same instant. `random` is in [0, 1). */
export function backoff(attempt: number, random: number): number {
  const FIRST = 500;
  const CAP = 15_000;
  const full = Math.min(CAP, FIRST * 2 ** Math.min(attempt - 1, 10));
  return Math.round(full * (0.5 + random / 2));
}
