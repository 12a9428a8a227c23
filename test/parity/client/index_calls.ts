/** MANAGE_INDEX and BATCH_SEARCH as raw as a C program issues it. */
import {
  batchSearch,
  IndexOperation,
  manageIndex,
  VEXFS_IOC_BATCH_SEARCH,
  VEXFS_IOC_MANAGE_INDEX,
} from '@vexfs/shared';
import { withMemory } from './caller_memory.js';
import { call, type Hit, type Outcome } from './vector_calls.js';

export type IndexFields = Readonly<Record<string, number>>;

export interface Managed {
  readonly outcome: Outcome;
  /** The argument as it came back, by the names of its fields. */
  readonly info: IndexFields;
}

/** Fields that are left out are 0. */
export function manage(fd: number, operation: number, fields: IndexFields = {}): Managed {
  return withMemory((memory) => {
    const { view, address } = memory.room(manageIndex.$.size);
    manageIndex.operation.set(view, 0, operation);
    for (const [name, field] of manageIndex.$.fields) {
      const value = fields[name];
      if (value === undefined) continue;
      if (field.size === 8) view.setBigUint64(field.offset, BigInt(value), true);
      else view.setUint32(field.offset, value, true);
    }
    const outcome = call(fd, VEXFS_IOC_MANAGE_INDEX, address);
    const info: Record<string, number> = {};
    for (const [name, field] of manageIndex.$.fields) {
      info[name] =
        field.size === 8 ? Number(view.getBigUint64(field.offset, true)) : view.getUint32(field.offset, true);
    }
    return { outcome, info };
  });
}

/** CREATE of a graph, Euclidean unless `fields` says otherwise. */
export function createIndex(fd: number, fields: IndexFields = {}): Outcome {
  return manage(fd, IndexOperation.CREATE, { type: 1, ...fields }).outcome;
}

/** WAIT, again when a signal ended it. */
export function waitForIndex(fd: number): Outcome {
  let { outcome } = manage(fd, IndexOperation.WAIT);
  while (outcome === 'EINTR') ({ outcome } = manage(fd, IndexOperation.WAIT));
  return outcome;
}

export function indexInfo(fd: number): IndexFields {
  const { outcome, info } = manage(fd, IndexOperation.INFO);
  if (outcome !== 'ok') throw new Error(`MANAGE_INDEX INFO: ${outcome}`);
  return info;
}

export interface BatchQuery {
  readonly dimensions: number;
  readonly k: number;
  readonly type?: number;
  readonly ef?: number;
  readonly flags?: number;
  readonly reserved?: number;
  /** Default: as many as `queries` holds. */
  readonly count?: number;
  /** Address to pass instead of that of the counts. */
  readonly countsAddress?: number;
}

export interface BatchFound {
  readonly outcome: Outcome;
  /** Of each query; empty after an error. */
  readonly hits: readonly (readonly Hit[])[];
  /** Whether all places without a hit are zero. */
  readonly restIsZero: boolean;
}

/** BATCH_SEARCH. */
export function searchBatch(fd: number, queries: Float32Array, options: BatchQuery): BatchFound {
  return withMemory((memory) => {
    const count = options.count ?? queries.length / options.dimensions;
    const { k } = options;
    const room = Math.min(count * k, 1 << 20);
    const { view, address } = memory.room(batchSearch.$.size);
    const distances = memory.room(room * 4);
    const ids = memory.room(room * 8);
    const counts = memory.room(Math.min(count, 1 << 20) * 4);
    for (const { bytes } of [distances, ids, counts]) bytes.fill(0xee);
    batchSearch.queries.set(view, 0, memory.place(queries));
    batchSearch.results.set(view, 0, distances.address);
    batchSearch.result_ids.set(view, 0, ids.address);
    batchSearch.result_counts.set(view, 0, options.countsAddress ?? counts.address);
    batchSearch.count.set(view, 0, count);
    batchSearch.dimensions.set(view, 0, options.dimensions);
    batchSearch.k.set(view, 0, k);
    batchSearch.search_type.set(view, 0, options.type ?? 0);
    batchSearch.ef.set(view, 0, options.ef ?? 0);
    batchSearch.flags.set(view, 0, options.flags ?? 0);
    batchSearch.reserved.set(view, 0, options.reserved ?? 0);
    const outcome = call(fd, VEXFS_IOC_BATCH_SEARCH, address);
    if (outcome !== 'ok') return { outcome, hits: [], restIsZero: true };
    let restIsZero = true;
    const hits = Array.from({ length: count }, (_, query) => {
      const found = counts.view.getUint32(query * 4, true);
      const places = Array.from({ length: k }, (_unused, i) => ({
        id: ids.view.getBigUint64((query * k + i) * 8, true),
        distance: distances.view.getFloat32((query * k + i) * 4, true),
      }));
      restIsZero &&= places.slice(found).every(({ id, distance }) => id === 0n && distance === 0);
      return places.slice(0, found);
    });
    return { outcome, hits, restIsZero };
  });
}
