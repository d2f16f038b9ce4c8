/** A string literal of SQL. Only quotes need doubling: hexpane's SQL, like the standard's, has no escapes. */
export function quote(s: string): string {
  return `'${s.replaceAll("'", "''")}'`;
}

/** A name as SQL takes it: bare when it is a plain word, else in double quotes. */
export function name(s: string): string {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(s) ? s : `"${s.replaceAll('"', '""')}"`;
}

export function latestOf(stream: string, key: string, id: string): string {
  return `SELECT * FROM ${name(stream)} WHERE ${name(key)} = ${quote(id)}`;
}

export function historyOf(view: string, cellColumn: string, cell: string, rows: number): string {
  return `SELECT * FROM ${name(view)} WHERE ${name(cellColumn)} = ${quote(cell)} ORDER BY window_start DESC LIMIT ${rows}`;
}
