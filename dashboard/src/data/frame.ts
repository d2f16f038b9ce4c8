// The binary live frame: little-endian columns behind a versioned header, everything aligned to eight
// bytes, so that number columns are read in place. Whatever cannot be read is skipped and named, never thrown.

export type Column =
  | { kind: 'number'; values: Float64Array | Float32Array }
  | { kind: 'text'; values: string[] }
  | { kind: 'cell'; values: string[] }
  | { kind: 'bool'; values: Uint8Array };

export interface Frame {
  topic: string;
  type: 'snapshot' | 'update';
  seq: number;
  /** Milliseconds since the epoch; null when the server has none yet. */
  watermark: number | null;
  rows: number;
  columns: Map<string, Column>;
}

export interface Decoded {
  frames: Frame[];
  /** What was skipped, in words for the console. */
  problems: string[];
}

const HEADER = 32;
const VERSION = 1;
const KIND = { f64: 1, f32: 2, text: 3, cell: 4, bool: 5 } as const;
const utf8 = new TextDecoder();
const padded = (n: number): number => (n + 7) & ~7;

export function decodeFrames(message: ArrayBuffer): Decoded {
  const out: Decoded = { frames: [], problems: [] };
  const view = new DataView(message);
  let at = 0;
  while (at < message.byteLength) {
    if (message.byteLength - at < HEADER || view.getUint8(at) !== 0x48 || view.getUint8(at + 1) !== 0x50) {
      out.problems.push(`no frame at byte ${at}`);
      return out; // without a header there is no way to find the next frame
    }
    const length = view.getUint32(at + 4, true);
    if (length < HEADER || length % 8 !== 0 || at + length > message.byteLength) {
      out.problems.push(`frame at byte ${at} says it is ${length} bytes long`);
      return out;
    }
    const version = view.getUint8(at + 2);
    if (version === VERSION) decodeFrame(message, view, at, length, out);
    else out.problems.push(`frame of unknown version ${version}`);
    at += length;
  }
  return out;
}

function decodeFrame(message: ArrayBuffer, view: DataView, start: number, length: number, out: Decoded): void {
  const end = start + length;
  const type = view.getUint8(start + 3);
  if (type !== 1 && type !== 2) {
    out.problems.push(`frame of unknown type ${type}`);
    return;
  }
  const watermark = view.getFloat64(start + 16, true);
  const rows = view.getUint32(start + 24, true);
  const topicLength = view.getUint16(start + 28, true);
  const columnCount = view.getUint16(start + 30, true);
  let at = start + HEADER + padded(topicLength);
  if (at > end) {
    out.problems.push('topic runs past its frame');
    return;
  }
  const topic = utf8.decode(new Uint8Array(message, start + HEADER, topicLength));
  const columns = new Map<string, Column>();
  for (let c = 0; c < columnCount; c++) {
    const nameLength = at + 8 <= end ? view.getUint8(at + 1) : 0;
    const dataLength = at + 8 <= end ? view.getUint32(at + 4, true) : 0;
    const data = at + 8 + padded(nameLength);
    if (at + 8 > end || data + dataLength > end) {
      out.problems.push(`${topic}: column ${c} runs past its frame`);
      return;
    }
    const name = utf8.decode(new Uint8Array(message, at + 8, nameLength));
    const column = decodeColumn(message, view, view.getUint8(at), data, dataLength, rows);
    if (column) columns.set(name, column);
    else out.problems.push(`${topic}: column ${name} cannot be read`);
    at = data + padded(dataLength);
  }
  out.frames.push({
    topic,
    type: type === 1 ? 'snapshot' : 'update',
    seq: view.getFloat64(start + 8, true),
    watermark: Number.isNaN(watermark) ? null : watermark,
    rows,
    columns,
  });
}

function decodeColumn(
  message: ArrayBuffer, view: DataView, kind: number, at: number, length: number, rows: number,
): Column | null {
  switch (kind) {
    case KIND.f64:
      return length < rows * 8 ? null : { kind: 'number', values: new Float64Array(message, at, rows) };
    case KIND.f32:
      return length < rows * 4 ? null : { kind: 'number', values: new Float32Array(message, at, rows) };
    case KIND.bool:
      return length < rows ? null : { kind: 'bool', values: new Uint8Array(message, at, rows) };
    case KIND.cell: {
      if (length < rows * 8) return null;
      const values = new Array<string>(rows);
      for (let i = 0; i < rows; i++) {
        values[i] = cellText(view.getUint32(at + 8 * i, true), view.getUint32(at + 8 * i + 4, true));
      }
      return { kind: 'cell', values };
    }
    case KIND.text:
      return decodeText(message, view, at, length, rows);
    default:
      return null;
  }
}

function cellText(low: number, high: number): string {
  if (low === 0 && high === 0) return '';
  return high === 0 ? low.toString(16) : high.toString(16) + low.toString(16).padStart(8, '0');
}

function decodeText(message: ArrayBuffer, view: DataView, at: number, length: number, rows: number): Column | null {
  const table = 4 * (rows + 1);
  if (length < table) return null;
  const bytes = new Uint8Array(message, at + table, length - table);
  const values = new Array<string>(rows);
  const whole = utf8.decode(bytes);
  const ascii = whole.length === bytes.length; // then one decode serves all rows
  let from = view.getUint32(at, true);
  for (let i = 0; i < rows; i++) {
    const to = view.getUint32(at + 4 * (i + 1), true);
    if (to < from || to > bytes.length) return null;
    values[i] = ascii ? whole.slice(from, to) : utf8.decode(bytes.subarray(from, to));
    from = to;
  }
  return { kind: 'text', values };
}

/** A numeric column by name, or null when the frame has no such numbers. */
export function numbers(frame: Frame, name: string): Float64Array | Float32Array | null {
  const c = frame.columns.get(name);
  return c?.kind === 'number' ? c.values : null;
}

/** A column of strings by name; cells count, since their text is what SQL and h3-js take. */
export function texts(frame: Frame, name: string): string[] | null {
  const c = frame.columns.get(name);
  return c?.kind === 'text' || c?.kind === 'cell' ? c.values : null;
}
