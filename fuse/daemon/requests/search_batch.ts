import {
  batchSearch,
  MAX_BYTES_PER_CALL,
  MAX_K,
  MAX_ROWS_PER_CALL,
  SearchFlag,
  type SearchType,
} from '@vexfs/shared';
import { errno } from '../../system/index.js';
import { FsError, isPossibleEf } from '../../volume/index.js';
import type { Filesystem } from '../filesystem.js';
import { type Call, requireReading, requireSet } from './ioctl.js';
import { searchRows } from './search.js';

/** Bytes of a distance and an id. */
const HIT = 12;

/** BATCH_SEARCH: many queries of one file in one call. */
export function searchBatch(fs: Filesystem, call: Call): void {
  requireReading(call);
  const file = requireSet(fs, call);
  const { at } = call;
  const { view } = call.request;
  const { dimensions } = file.set.layout;
  const queries = batchSearch.count.get(view, at);
  const k = batchSearch.k.get(view, at);
  const ef = batchSearch.ef.get(view, at);
  const flags = batchSearch.flags.get(view, at);
  const metric = batchSearch.search_type.get(view, at);
  if (
    batchSearch.dimensions.get(view, at) !== dimensions ||
    metric > 2 ||
    k === 0 ||
    queries === 0 ||
    (ef !== 0 && !isPossibleEf(ef)) ||
    (flags & ~SearchFlag.EXACT) !== 0 ||
    batchSearch.reserved.get(view, at) !== 0
  ) {
    throw new FsError(errno.EINVAL);
  }
  const bytes = queries * Math.max(dimensions * 4, k * HIT);
  if (k > MAX_K || queries > MAX_ROWS_PER_CALL || bytes > MAX_BYTES_PER_CALL) throw new FsError(errno.E2BIG);
  const { queries: from, results, result_ids: ids, result_counts: counts } = batchSearch;
  if ([from, results, ids, counts].some((pointer) => pointer.get(view, at) === 0))
    throw new FsError(errno.EFAULT);
  const exact = (flags & SearchFlag.EXACT) !== 0;
  searchRows(fs, call, file, { isBatch: true, queries, metric: metric as SearchType, k, ef, exact });
}
