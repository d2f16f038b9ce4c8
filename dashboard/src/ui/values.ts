/** A value of a row as an operator reads it. */
export function shown(column: string, v: unknown): string {
  if (v === null || v === undefined) return '–';
  if (typeof v === 'number') return /^(lat|lon)/.test(column) ? v.toFixed(5) : v.toLocaleString('en', { maximumFractionDigits: 2 });
  if (typeof v === 'boolean') return v ? 'yes' : 'no';
  if (typeof v === 'string') return /^\d{4}-\d\d-\d\dT/.test(v) ? clockTime(v) : v;
  return JSON.stringify(v);
}

export function clockTime(rfc3339: string): string {
  const t = new Date(rfc3339);
  return Number.isNaN(t.getTime()) ? rfc3339 : t.toLocaleTimeString('en-GB');
}
