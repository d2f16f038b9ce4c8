export type Kind = 'f64' | 'f32' | 'string' | 'cell' | 'bool' | 'other';
export function encodeFrame(
  topic: string, type: 'snapshot' | 'update', seq: number, watermark: number | null, rows: number,
  columns: readonly (readonly [name: string, kind: Kind, values: readonly (number | string | boolean)[]])[], version?: number,
): Uint8Array;
