import { indexRows, indexSearch, rowsOfExtents, Searcher, VectorIndex } from '../../engine/index.js';
import { allocateMemory, errno, type Memory } from '../../system/index.js';
import type { EngineThread } from '../engine_worker.js';
import type { JobSlot } from '../exchange.js';
import {
  FAILED_AT,
  NOT_MAPPED,
  SEARCH_EXTENTS,
  SEARCH_IDS,
  SEARCH_INDEX,
  SEARCH_LIVE,
  SEARCH_PATH,
  SEARCH_SLOTS,
  SEARCH_TAIL,
  SEARCH_TAIL_COUNT,
} from '../jobs.js';
import type { Places } from './search.js';

/** Of this thread. */
let searcher: Searcher | undefined;
let request: Memory | undefined;

/** Searches by the index of the rows: hits in the places of the results, or -errno. */
export function navigate(thread: EngineThread, slot: JobSlot, places: Places, k: number, ef: number): number {
  const { fields } = slot;
  searcher ??= new Searcher();
  request ??= allocateMemory(indexSearch.$.size + indexRows.$.size);
  const { view, address } = request;
  const rows = address + indexSearch.$.size;
  rowsOfExtents(fields[SEARCH_EXTENTS]!, rows);
  indexSearch.query.set(view, 0, places.query);
  indexSearch.rows.set(view, 0, rows);
  indexSearch.ids.set(view, 0, fields[SEARCH_IDS]!);
  indexSearch.live.set(view, 0, fields[SEARCH_LIVE]!);
  indexSearch.filter.set(view, 0, 0);
  indexSearch.tail.set(view, 0, fields[SEARCH_TAIL]!);
  indexSearch.interrupt.set(view, 0, thread.exchange.interruptAddress(slot));
  indexSearch.tail_count.set(view, 0, fields[SEARCH_TAIL_COUNT]!);
  indexSearch.slots.set(view, 0, fields[SEARCH_SLOTS]!);
  indexSearch.k.set(view, 0, k);
  indexSearch.ef.set(view, 0, ef);
  indexSearch.rerank.set(view, 0, 0);
  indexSearch.flags.set(view, 0, 0);
  const index = VectorIndex.at(fields[SEARCH_INDEX]!);
  const found = searcher.search(index, address, places.distances, places.ids, 0);
  fields[SEARCH_PATH] = searcher.info().path;
  if (found === -errno.EIO) fields[FAILED_AT] = NOT_MAPPED;
  return found;
}
