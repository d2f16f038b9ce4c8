/** A number with as many digits as an operator can use. */
export function format(v: number): string {
  return v.toLocaleString('en', { maximumFractionDigits: Math.abs(v) < 100 ? 1 : 0 });
}
