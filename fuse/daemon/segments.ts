import { forSegments, type Inode, type Volume } from '../volume/index.js';
import { PAYLOAD } from './exchange.js';

/** Pairs {position on the device or -1, bytes} that fit into the payload of a job. */
export const ENGINE_PAYLOAD_PAIRS = PAYLOAD / 16;

/** The segments of a part of a file as pairs of float64, for a thread that cannot see the extents. */
export function segmentPairs(volume: Volume, inode: Inode, offset: number, length: number): Float64Array {
  const pairs: number[] = [];
  if (length > 0)
    forSegments(volume, inode, offset, length, (position, _at, bytes) => pairs.push(position, bytes));
  return Float64Array.from(pairs);
}
