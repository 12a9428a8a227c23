import { readFileSync } from 'node:fs';

/** A two-dimensional array as NumPy's .npy format stores it: row-major, `data.length === rows * columns`. */
export interface Matrix<T extends Uint8Array | Int32Array> {
  rows: number;
  columns: number;
  data: T;
}

const MAGIC = '\x93NUMPY';
const HEADER_ALIGNMENT = 64;

/**
 * Reads a two-dimensional little-endian C-order .npy file of `uint8` (descr `|u1`).
 * Throws an Error that names the file when it is anything else or is not as long as its header says.
 * Format: numpy.lib.format, versions 1.0 to 3.0.
 */
export function readUint8Matrix(path: string): Matrix<Uint8Array> {
  const { rows, columns, body } = readBody(path, '|u1', 1);
  return { rows, columns, data: new Uint8Array(body) };
}

/** The same for `int32` (descr `<i4`). */
export function readInt32Matrix(path: string): Matrix<Int32Array> {
  const { rows, columns, body } = readBody(path, '<i4', 4);
  return { rows, columns, data: new Int32Array(body) };
}

/** The bytes of a version 1.0 .npy file that holds the matrix; the data begin at a multiple of 64 bytes. */
export function encodeMatrix(matrix: Matrix<Uint8Array | Int32Array>): Uint8Array {
  const { rows, columns, data } = matrix;
  const descr = data instanceof Uint8Array ? '|u1' : '<i4';
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${rows}, ${columns}), }`;
  const prefix = MAGIC.length + 4;
  const total = Math.ceil((prefix + text.length + 1) / HEADER_ALIGNMENT) * HEADER_ALIGNMENT;
  const header = Buffer.alloc(total, ' ');
  header.write(MAGIC, 'latin1');
  header.writeUInt8(1, 6);
  header.writeUInt8(0, 7);
  header.writeUInt16LE(total - prefix, 8);
  header.write(text, prefix, 'latin1');
  header.write('\n', total - 1, 'latin1');
  return Buffer.concat([header, Buffer.from(data.buffer, data.byteOffset, data.byteLength)]);
}

function readBody(path: string, descr: string, elementBytes: number) {
  const file = readFileSync(path);
  if (file.length < 12 || file.toString('latin1', 0, 6) !== MAGIC) {
    throw new Error(`${path}: not a .npy file`);
  }
  const wide = file.readUInt8(6) >= 2;
  const headerLength = wide ? file.readUInt32LE(8) : file.readUInt16LE(8);
  const start = (wide ? 12 : 10) + headerLength;
  if (start > file.length)
    throw new Error(`${path}: the header says ${start} bytes, the file has ${file.length}`);
  const header = file.toString('latin1', wide ? 12 : 10, start);
  const shape = /'shape': \((\d+), (\d+)\)/.exec(header);
  if (
    !header.includes(`'descr': '${descr}'`) ||
    !header.includes("'fortran_order': False") ||
    shape === null
  ) {
    throw new Error(`${path}: wanted a C-order matrix of ${descr}, the header says ${header.trim()}`);
  }
  const rows = Number(shape[1]);
  const columns = Number(shape[2]);
  const want = rows * columns * elementBytes;
  if (file.length - start !== want) {
    throw new Error(
      `${path}: ${rows} x ${columns} needs ${want} bytes of data, the file has ${file.length - start}`,
    );
  }
  const body = new ArrayBuffer(want);
  new Uint8Array(body).set(file.subarray(start));
  return { rows, columns, body };
}
