import type { SearchType } from '@vexfs/shared';
import { SearchPath } from '../../engine/index.js';
import type { Memory } from '../../system/index.js';
import { bytesOfRow, strideOf } from '../../volume/index.js';
import { ENGINE_QUEUE, SPARE } from '../exchange.js';
import type { Filesystem } from '../filesystem.js';
import { rowExtentsOf } from '../indexing/extents.js';
import { guideOf } from '../indexing/guide.js';
import {
  JOB,
  KIND,
  NODE,
  PID,
  SEARCH_BASE,
  SEARCH_BATCH,
  SEARCH_DIMENSIONS,
  SEARCH_EF,
  SEARCH_ELEMENT,
  SEARCH_EXTENTS,
  SEARCH_IDS,
  SEARCH_INDEX,
  SEARCH_LIVE,
  SEARCH_OFFSET,
  SEARCH_PATH,
  SEARCH_POPULATE,
  SEARCH_POPULATE_END,
  SEARCH_ROW_BYTES,
  SEARCH_SEGMENT_COUNT,
  SEARCH_SEGMENTS,
  SEARCH_SLOTS,
  SEARCH_STRIDE,
  SEARCH_TAIL,
  SEARCH_TAIL_COUNT,
  UNIQUE,
} from '../jobs.js';
import { Park } from '../park.js';
import { segmentPairs } from '../segments.js';
import type { VectorFile } from '../vector_files.js';
import type { Call } from './ioctl.js';

/** What VECTOR_SEARCH or BATCH_SEARCH asks for. */
export interface SearchRequest {
  readonly isBatch: boolean;
  readonly queries: number;
  readonly metric: SearchType;
  readonly k: number;
  /** Candidates, 0: as the index says. */
  readonly ef: number;
  /** Whether every row is compared, whatever there is. */
  readonly exact: boolean;
}

/**
 * Pins what a search sees at this moment (the mapped rows, the ids, which slots are live) and gives it to an engine
 * thread, which answers the call. Blocks, slots and arrays that are freed later are not reused before the search ends.
 */
export function searchRows(fs: Filesystem, call: Call, file: VectorFile, search: SearchRequest): void {
  const { set, ids, inode } = file;
  const { layout } = set;
  const stride = strideOf(layout);
  const { ids: idArray, slots, rows } = ids.info();
  const guide = search.exact ? undefined : guideOf(fs, file, search.metric, search.k);
  const mapping = guide === undefined ? fs.vectors.mapping(file) : undefined;
  const slot = fs.exchange.take(SPARE.caller);
  if (slot === undefined) throw new Park();
  const memory: Memory[] = [];
  const { fields } = slot;
  try {
    let live = 0;
    if (rows < slots || guide !== undefined) {
      const words = Math.ceil(slots / 64);
      const bitmap = fs.transfer.take(words * 8);
      memory.push(bitmap);
      ids.snapshotLive(bitmap.address, words);
      live = bitmap.address;
    }
    fields[SEARCH_LIVE] = live;
    fields[SEARCH_SEGMENTS] = 0;
    fields[SEARCH_SEGMENT_COUNT] = 0;
    const end = layout.dataOffset + slots * stride;
    fields[SEARCH_INDEX] = 0;
    if (guide !== undefined) {
      fields[SEARCH_INDEX] = guide.handle;
      fields[SEARCH_EXTENTS] = rowExtentsOf(fs, guide).address;
      fields[SEARCH_EF] = search.ef === 0 ? guide.description.efSearch : search.ef;
      fields[SEARCH_PATH] = 0;
      fields[SEARCH_TAIL] = 0;
      fields[SEARCH_TAIL_COUNT] = 0;
      if (guide.queue.rows > 0) {
        const tail = fs.transfer.take(guide.queue.rows * 4);
        memory.push(tail);
        fields[SEARCH_TAIL] = tail.address;
        fields[SEARCH_TAIL_COUNT] = guide.queue.slots(
          new Uint32Array(tail.bytes.buffer, tail.bytes.byteOffset, guide.queue.rows),
        );
      }
    } else if (mapping === undefined) {
      const pairs = segmentPairs(fs.volume, inode, layout.dataOffset, slots * stride);
      const list = fs.transfer.take(Math.max(16, pairs.byteLength));
      memory.push(list);
      new Float64Array(list.bytes.buffer, list.bytes.byteOffset, pairs.length).set(pairs);
      fields[SEARCH_SEGMENTS] = list.address;
      fields[SEARCH_SEGMENT_COUNT] = pairs.length / 2;
      fields[SEARCH_BASE] = 0;
      fields[SEARCH_POPULATE] = 0;
      fields[SEARCH_POPULATE_END] = 0;
    } else {
      fields[SEARCH_BASE] = mapping.base;
      fields[SEARCH_POPULATE] = Math.min(mapping.populated, end);
      fields[SEARCH_POPULATE_END] = end;
    }
  } catch (error) {
    for (const block of memory) fs.transfer.give(block);
    fs.exchange.give(slot);
    throw error;
  }
  fields[KIND] = JOB.SEARCH;
  fields[UNIQUE] = call.request.unique;
  fields[PID] = call.request.pid;
  fields[NODE] = inode.number;
  fields[SEARCH_OFFSET] = layout.dataOffset;
  fields[SEARCH_STRIDE] = stride;
  fields[SEARCH_SLOTS] = slots;
  fields[SEARCH_IDS] = idArray;
  fields[SEARCH_ELEMENT] = layout.elementType;
  fields[SEARCH_DIMENSIONS] = layout.dimensions;
  fields[SEARCH_ROW_BYTES] = bytesOfRow(layout);
  fields[SEARCH_BATCH] = search.isBatch ? 1 : 0;
  slot.bytes.set(call.request.bytes.subarray(call.at, call.at + call.size));
  file.pins += 1;
  file.searches += search.queries;
  if (guide === undefined) file.rowsScanned += rows * search.queries;
  else guide.searches += search.queries;
  fs.pin(slot, () => {
    file.pins -= 1;
    for (const block of memory) fs.transfer.give(block);
    if (guide !== undefined && fields[SEARCH_PATH] === SearchPath.FALLBACK) fs.indexing.suspect(guide);
    const populated = fields[SEARCH_POPULATE_END]!;
    if (
      mapping !== undefined &&
      fields[SEARCH_BASE] === mapping.base &&
      fields[SEARCH_POPULATE]! <= mapping.populated
    ) {
      mapping.populated = Math.max(mapping.populated, populated);
    }
  });
  fs.submit(ENGINE_QUEUE, slot, call.request.unique);
}
