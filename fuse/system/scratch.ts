import { rawAddress } from './libc.js';

/**
 * A few hundred bytes per thread in which calls build their small C structures (every worker loads its own copy of this
 * module). Calls are synchronous, so no two of them use the block at the same time; nothing in it outlives a call.
 */
const BYTES = 512;
const buffer = new ArrayBuffer(BYTES);

const HIGH = 4294967296;

export const scratch: DataView = new DataView(buffer);
export const scratchAddress: number = rawAddress(buffer);

/** Writes a non-negative safe integer as a little-endian 64-bit word at byte `at` of the scratch block. */
export function putWord(at: number, value: number): void {
  scratch.setUint32(at, value >>> 0, true);
  scratch.setUint32(at + 4, Math.floor(value / HIGH), true);
}

/** Reads a 64-bit word of the scratch block as a number; above 2^53 it is rounded. */
export function takeWord(at: number): number {
  return scratch.getUint32(at + 4, true) * HIGH + scratch.getUint32(at, true);
}

/** Writes one struct iovec (16 bytes) at byte `at`. */
export function putVector(at: number, address: number, length: number): void {
  putWord(at, address);
  putWord(at + 8, length);
}
