import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Real SIFT descriptors with their exact nearest neighbours; test/data/README.md tells where they come from. */
export interface Sift {
  dimensions: number;
  /** 10,000 rows of `dimensions` each. */
  rows: Float32Array;
  /** 100 rows of `dimensions` each. */
  queries: Float32Array;
  /** For each query the numbers of the `neighbours` nearest rows, nearest first. */
  truth: Int32Array;
  neighbours: number;
}

/** Reads the committed files. Throws an Error that names the file when one is not what it should be. */
export function loadSift(): Sift {
  const base = readArray('sift10k-base.npy', '|u1');
  const queries = readArray('sift10k-query.npy', '|u1');
  const truth = readArray('sift10k-truth.npy', '<i4');
  const { buffer, byteOffset, byteLength } = truth.data;
  return {
    dimensions: base.columns,
    rows: Float32Array.from(base.data),
    queries: Float32Array.from(queries.data),
    truth: new Int32Array(buffer.slice(byteOffset, byteOffset + byteLength)),
    neighbours: truth.columns,
  };
}

/** The bytes of a version 1.0 .npy file that holds a C-order matrix of this type. */
function readArray(name: string, descr: string): { columns: number; data: Uint8Array<ArrayBuffer> } {
  const path = fileURLToPath(new URL(`../../../test/data/${name}`, import.meta.url));
  const file = readFileSync(path);
  const start = 10 + file.readUInt16LE(8);
  const header = file.toString('latin1', 10, start);
  const shape = /'shape': \((\d+), (\d+)\)/.exec(header);
  const width = descr === '|u1' ? 1 : 4;
  const columns = Number(shape?.[2]);
  const bytes = Number(shape?.[1]) * columns * width;
  if (!header.includes(`'descr': '${descr}'`) || file.length - start !== bytes) {
    throw new Error(`${path}: not the matrix of ${descr} that its header promises`);
  }
  return { columns, data: new Uint8Array(file.subarray(start)) };
}
