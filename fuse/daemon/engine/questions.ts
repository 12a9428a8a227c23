import { batchSearch, type SearchType, vectorSearchRequest } from '@vexfs/shared';
import type { JobSlot } from '../exchange.js';
import { searchJob } from '../jobs.js';

/** What a job asks for: `count` queries from the caller's query `first` on, and where he wants the answers. */
export interface Questions {
  readonly first: number;
  readonly count: number;
  readonly k: number;
  readonly metric: SearchType;
  readonly queries: bigint;
  readonly results: bigint;
  readonly ids: bigint;
  /** 0n: the only count stands in the argument. */
  readonly counts: bigint;
  /** Of the argument. */
  readonly size: number;
}

export function questionsOf({ fields, view }: JobSlot): Questions {
  if (fields[searchJob.batch] === 1) {
    return {
      first: fields[searchJob.first]!,
      count: fields[searchJob.queries]!,
      k: batchSearch.k.get(view, 0),
      metric: batchSearch.search_type.get(view, 0) as SearchType,
      queries: batchSearch.queries.getBig(view, 0),
      results: batchSearch.results.getBig(view, 0),
      ids: batchSearch.result_ids.getBig(view, 0),
      counts: batchSearch.result_counts.getBig(view, 0),
      size: batchSearch.$.size,
    };
  }
  return {
    first: 0,
    count: 1,
    k: vectorSearchRequest.k.get(view, 0),
    metric: vectorSearchRequest.search_type.get(view, 0) as SearchType,
    queries: vectorSearchRequest.query_vector.getBig(view, 0),
    results: vectorSearchRequest.results.getBig(view, 0),
    ids: vectorSearchRequest.result_ids.getBig(view, 0),
    counts: 0n,
    size: vectorSearchRequest.$.size,
  };
}
