/** A .npy file of float32 as numpy.save writes it: version 1.0, the header padded to 128 bytes (numpy.lib.format). */
export function npyFile(rows: Float32Array, dimensions: number): Buffer {
  const dict = `{'descr': '<f4', 'fortran_order': False, 'shape': (${rows.length / dimensions}, ${dimensions}), }`;
  const header = Buffer.alloc(128, ' ');
  header.write('\x93NUMPY\x01\x00', 'latin1');
  header.writeUInt16LE(118, 8);
  header.write(dict, 10);
  header.write('\n', 127);
  return Buffer.concat([header, floatBytes(rows)]);
}

/** The bytes of float32 numbers. */
export function floatBytes(rows: Float32Array | readonly number[]): Buffer {
  const floats = rows instanceof Float32Array ? rows : Float32Array.from(rows);
  return Buffer.from(floats.buffer, floats.byteOffset, floats.byteLength);
}
