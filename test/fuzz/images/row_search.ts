/** A search over all rows of a file, as an engine thread does it: through the mapping, or over what is read. */

import type { VectorFile, VectorFiles } from '@vexfs/fuse/daemon';
import {
  bestCpu,
  prepareQuery,
  queryBytes,
  SCAN_SCRATCH_BYTES,
  scanRequest,
  searchExact,
  topkBytes,
} from '@vexfs/fuse/engine';
import { allocateMemory, freeMemory } from '@vexfs/fuse/system';
import { readContent, strideOf, type Volume } from '@vexfs/fuse/volume';
import type { ElementType } from '@vexfs/shared';

const K = 10;
/** Bytes of rows that one search covers at most; a sparse file may claim far more. */
const MOST_BYTES = 16 << 20;

/** Throws FsError; a result that cannot be is an Error. */
export function searchAll(volume: Volume, vectors: VectorFiles, file: VectorFile): void {
  const { layout } = file.set;
  const stride = strideOf(layout);
  const { ids, slots } = file.ids.info();
  const count = Math.min(slots, Math.floor(MOST_BYTES / stride));
  const mapping = vectors.mapping(file);
  if (count === 0) return;
  const aligned = (bytes: number): number => Math.ceil(bytes / 64) * 64;
  const sizes = [
    queryBytes(layout.dimensions),
    layout.dimensions * 4,
    scanRequest.$.size,
    SCAN_SCRATCH_BYTES,
    topkBytes(K),
    K * 4,
    K * 8,
    mapping === undefined ? count * stride : 0,
  ].map(aligned);
  const memory = allocateMemory(sizes.reduce((sum, size) => sum + size, 0));
  const live = file.ids.takeLive();
  try {
    const at = sizes.map((_, i) => memory.address + sizes.slice(0, i).reduce((sum, size) => sum + size, 0));
    const [query, values, scan, scratch, topk, distances, found, rows] = at as [
      number,
      number,
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    let matrix = rows;
    if (mapping === undefined) {
      const into = memory.bytes.subarray(rows - memory.address, rows - memory.address + count * stride);
      readContent(volume, file.inode, layout.dataOffset, into);
    } else {
      matrix = mapping.base + layout.dataOffset;
    }
    const type = layout.elementType as ElementType;
    if (prepareQuery(bestCpu, query, 0, type, layout.dimensions, values) !== 0)
      throw new Error('a query of zeros is refused');
    const base = scan - memory.address;
    const { view } = memory;
    scanRequest.rows.set(view, base, matrix);
    scanRequest.stride.set(view, base, stride);
    scanRequest.ids.set(view, base, ids);
    scanRequest.live.set(view, base, live.address);
    scanRequest.interrupt.set(view, base, 0);
    scanRequest.scratch.set(view, base, scratch);
    scanRequest.first.set(view, base, 0);
    scanRequest.n.set(view, base, count);
    const hits = searchExact(bestCpu, query, scan, K, topk, distances, found, 0);
    if (hits < 0 || hits > K) throw new Error(`a search returned ${hits}`);
  } finally {
    file.ids.giveLive(live);
    freeMemory(memory);
  }
}
