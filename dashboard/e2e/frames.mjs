// Writes the binary live frame; the page's decoder is what it is for.
const KIND = { f64: 1, f32: 2, string: 3, cell: 4, bool: 5 };
const pad = n => (n + 7) & ~7;

function data(kind, values) {
  switch (kind) {
    case 'f64': return Buffer.from(Float64Array.from(values).buffer);
    case 'f32': return Buffer.from(Float32Array.from(values).buffer);
    case 'bool': return Buffer.from(Uint8Array.from(values, Number));
    case 'cell': return Buffer.from(BigUint64Array.from(values, v => (v ? BigInt('0x' + v) : 0n)).buffer);
    default: {
      const texts = values.map(v => Buffer.from(v));
      const offsets = new Uint32Array(values.length + 1);
      texts.forEach((t, i) => { offsets[i + 1] = offsets[i] + t.length; });
      return Buffer.concat([Buffer.from(offsets.buffer), ...texts]);
    }
  }
}

/** columns: [[name, kind, values]…]; watermark in ms or null. */
export function encodeFrame(topic, type, seq, watermark, rows, columns, version = 1) {
  const name = Buffer.from(topic);
  const parts = [Buffer.alloc(32 + pad(name.length))];
  name.copy(parts[0], 32);
  for (const [column, kind, values] of columns) {
    const label = Buffer.from(column), bytes = data(kind, values);
    const head = Buffer.alloc(8 + pad(label.length));
    head.writeUInt8(KIND[kind] ?? 99, 0);
    head.writeUInt8(label.length, 1);
    head.writeUInt32LE(bytes.length, 4);
    label.copy(head, 8);
    parts.push(head, bytes, Buffer.alloc(pad(bytes.length) - bytes.length));
  }
  const frame = Buffer.concat(parts);
  frame.write('HP', 0, 'latin1');
  frame.writeUInt8(version, 2);
  frame.writeUInt8(type === 'snapshot' ? 1 : 2, 3);
  frame.writeUInt32LE(frame.length, 4);
  frame.writeDoubleLE(seq, 8);
  frame.writeDoubleLE(watermark ?? NaN, 16);
  frame.writeUInt32LE(rows, 24);
  frame.writeUInt16LE(name.length, 28);
  frame.writeUInt16LE(columns.length, 30);
  return frame;
}
