import { bytes, struct, u32, u64 } from '@vexfs/shared';
import { bind } from './library.js';
import { indexSearch } from './vector_index.js';

/**
 * struct vx_questions: addresses of what host_search.h describes. `search` holds an indexSearch whose query is filled in by the
 * engine. Answers of query i begin at place i * k; places past its count become zeros.
 */
export const questions = struct('vx_questions', 192, {
  cpu: u64(0),
  /** 0: every row is compared. */
  index: u64(8),
  searcher: u64(16),
  query: u64(24),
  topk: u64(32),
  scratch: u64(40),
  row: u64(48),
  values: u64(56),
  distances: u64(64),
  ids: u64(72),
  counts: u64(80),
  search: bytes(88, indexSearch.$.size),
  metric: u32(168),
  element: u32(172),
  dims: u32(176),
  count: u32(180),
  /** Out: the largest SearchPath of the queries. */
  path: u32(184),
  reserved: u32(188),
});

/**
 * Answers the queries at `address`. How many hits the last one has, or -errno: -EINVAL for a query that no row could be, -EINTR,
 * -ENOMEM; -EIO for rows that cannot be read, after which the Searcher has to be destroyed.
 */
export const answerQuestions = bind<(address: number) => number>('vx_host_search', 'int64_t', ['uintptr_t']);

/**
 * The recall of the index over the state that the questions at `address` describe, in parts of RECALL_UNIT, by so many rows as
 * queries; or -errno, as above.
 */
export const measureRecall = bind<(address: number, sample: number) => number>('vx_host_recall', 'int64_t', [
  'uintptr_t',
  'uint32_t',
]);
