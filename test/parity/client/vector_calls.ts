/**
 * The ioctl commands as raw as a C program issues them: every field of an argument can be given any value and every
 * pointer any address. Nothing is checked here.
 */

import { errnoName, ioctl } from '@vexfs/fuse/system';
import {
  batchInsertRequest,
  type ElementType,
  elementBytes,
  getEmbedding as embedding,
  VEXFS_IOC_BATCH_INSERT,
  VEXFS_IOC_GET_EMBEDDING,
  VEXFS_IOC_GET_EMBEDDING_INLINE,
  VEXFS_IOC_GET_STATS,
  VEXFS_IOC_GET_VECTOR_META,
  VEXFS_IOC_SET_VECTOR_META,
  VEXFS_IOC_VECTOR_SEARCH,
  vectorFileInfo,
  vectorSearchRequest,
  vexfsStats,
} from '@vexfs/shared';
import { type CallerMemory, withMemory } from './caller_memory.js';

/** `ok`, or the name of an errno. */
export type Outcome = string;

/** One ioctl(2) with an address of the caller's choice. */
export function call(fd: number, command: number, address: number): Outcome {
  const result = ioctl(fd, command, address);
  if (result < 0) return errnoName(result);
  return result === 0 ? 'ok' : `returned ${result}`;
}

/** Fields of vexfs_vector_file_info; what is left out is 0, the element type FLOAT32. */
export interface Layout {
  readonly dimensions: number;
  readonly elementType?: number;
  readonly vectorCount?: number;
  readonly storageFormat?: number;
  readonly dataOffset?: number | bigint;
  readonly indexOffset?: number;
  readonly compression?: number;
  readonly alignment?: number;
}

export function setMeta(fd: number, layout: Layout): Outcome {
  return withMemory((memory) => {
    const { view, address } = memory.room(vectorFileInfo.$.size);
    vectorFileInfo.dimensions.set(view, 0, layout.dimensions);
    vectorFileInfo.element_type.set(view, 0, layout.elementType ?? 1);
    vectorFileInfo.vector_count.set(view, 0, layout.vectorCount ?? 0);
    vectorFileInfo.storage_format.set(view, 0, layout.storageFormat ?? 0);
    vectorFileInfo.data_offset.setBig(view, 0, BigInt(layout.dataOffset ?? 0));
    vectorFileInfo.index_offset.set(view, 0, layout.indexOffset ?? 0);
    vectorFileInfo.compression_type.set(view, 0, layout.compression ?? 0);
    vectorFileInfo.alignment_bytes.set(view, 0, layout.alignment ?? 0);
    return call(fd, VEXFS_IOC_SET_VECTOR_META, address);
  });
}

export interface Meta {
  readonly outcome: Outcome;
  readonly dimensions: number;
  readonly elementType: number;
  readonly vectorCount: number;
  readonly storageFormat: number;
  readonly dataOffset: number;
  readonly indexOffset: number;
  readonly compression: number;
  readonly alignment: number;
}

export function getMeta(fd: number): Meta {
  return withMemory((memory) => {
    const { view, address } = memory.room(vectorFileInfo.$.size);
    const outcome = call(fd, VEXFS_IOC_GET_VECTOR_META, address);
    return {
      outcome,
      dimensions: vectorFileInfo.dimensions.get(view, 0),
      elementType: vectorFileInfo.element_type.get(view, 0),
      vectorCount: vectorFileInfo.vector_count.get(view, 0),
      storageFormat: vectorFileInfo.storage_format.get(view, 0),
      dataOffset: vectorFileInfo.data_offset.get(view, 0),
      indexOffset: vectorFileInfo.index_offset.get(view, 0),
      compression: vectorFileInfo.compression_type.get(view, 0),
      alignment: vectorFileInfo.alignment_bytes.get(view, 0),
    };
  });
}

export interface Batch {
  readonly dimensions: number;
  /** Default: as many rows as `rows` holds. */
  readonly count?: number;
  readonly ids?: readonly (number | bigint)[] | BigUint64Array;
  readonly flags?: number;
  /** Addresses to pass instead of those of `rows` and `ids`. */
  readonly vectorsAddress?: number;
  readonly idsAddress?: number;
}

/** BATCH_INSERT of packed float32 rows. */
export function insert(fd: number, rows: Float32Array | readonly number[], batch: Batch): Outcome {
  return withMemory((memory) => {
    const floats = rows instanceof Float32Array ? rows : Float32Array.from(rows);
    const { view, address } = memory.room(batchInsertRequest.$.size);
    const vectors = BigInt(batch.vectorsAddress ?? memory.place(floats));
    batchInsertRequest.vectors.setBig(view, 0, BigInt.asUintN(64, vectors));
    batchInsertRequest.vector_count.set(view, 0, batch.count ?? Math.floor(floats.length / batch.dimensions));
    batchInsertRequest.dimensions.set(view, 0, batch.dimensions);
    batchInsertRequest.vector_ids.setBig(view, 0, BigInt.asUintN(64, BigInt(idsOf(memory, batch))));
    batchInsertRequest.flags.set(view, 0, batch.flags ?? 0);
    return call(fd, VEXFS_IOC_BATCH_INSERT, address);
  });
}

function idsOf(memory: CallerMemory, { ids, idsAddress }: Batch): number {
  if (idsAddress !== undefined) return idsAddress;
  if (ids === undefined) return 0;
  return memory.place(BigUint64Array.from(ids, (id) => BigInt(id)));
}

export interface Query {
  /** EUCLIDEAN when left out. */
  readonly type?: number;
  readonly k: number;
  /** Default: the length of the query. */
  readonly dimensions?: number;
  readonly queryAddress?: number;
  readonly resultsAddress?: number;
  readonly idsAddress?: number;
}

export interface Hit {
  readonly id: bigint;
  readonly distance: number;
}

export interface Found {
  readonly outcome: Outcome;
  readonly count: number;
  readonly hits: readonly Hit[];
}

/** VECTOR_SEARCH. `hits` is empty when the results went to addresses of the caller's choice. */
export function search(fd: number, query: Float32Array | readonly number[], options: Query): Found {
  return withMemory((memory) => {
    const floats = query instanceof Float32Array ? query : Float32Array.from(query);
    const room = Math.min(options.k, 20_000);
    const { view, address } = memory.room(vectorSearchRequest.$.size);
    const distances = memory.room(room * 4);
    const ids = memory.room(room * 8);
    const set = (field: typeof vectorSearchRequest.results, at: number): void =>
      field.setBig(view, 0, BigInt.asUintN(64, BigInt(at)));
    set(vectorSearchRequest.query_vector, options.queryAddress ?? memory.place(floats));
    vectorSearchRequest.dimensions.set(view, 0, options.dimensions ?? floats.length);
    vectorSearchRequest.k.set(view, 0, options.k);
    vectorSearchRequest.search_type.set(view, 0, options.type ?? 0);
    set(vectorSearchRequest.results, options.resultsAddress ?? distances.address);
    set(vectorSearchRequest.result_ids, options.idsAddress ?? ids.address);
    // Out only: a backend that adds to it, or leaves it alone, is found out.
    vectorSearchRequest.result_count.set(view, 0, 0xdeadbeef);
    const outcome = call(fd, VEXFS_IOC_VECTOR_SEARCH, address);
    const count = vectorSearchRequest.result_count.get(view, 0);
    const own = options.resultsAddress === undefined && options.idsAddress === undefined;
    const hits: Hit[] = [];
    if (outcome === 'ok' && own && count <= room) {
      for (let i = 0; i < count; i++) {
        hits.push({
          id: ids.view.getBigUint64(i * 8, true),
          distance: distances.view.getFloat32(i * 4, true),
        });
      }
    }
    return { outcome, count, hits };
  });
}

/** The ids that a search finds, nearest first; throws when it fails, and asks again when a signal ended it. */
export function nearestIds(fd: number, query: Float32Array | readonly number[], k = 10_000): bigint[] {
  let { outcome, hits } = search(fd, query, { k });
  while (outcome === 'EINTR') ({ outcome, hits } = search(fd, query, { k }));
  if (outcome !== 'ok') throw new Error(`VECTOR_SEARCH: ${outcome}`);
  return hits.map((hit) => hit.id);
}

export interface EmbeddingRequest {
  readonly id: number | bigint;
  /** Room for the vector in bytes; what is asked for inline unless `data` is given. */
  readonly room: number;
  /** Address of a buffer, or `own` for one that is made for the call; left out: inline. */
  readonly data?: number | 'own';
  readonly elementType?: number;
  readonly flags?: number;
  readonly reserved?: number;
  /** Bytes behind the structure that the command announces; default `room`. */
  readonly inlineBytes?: number;
}

export interface Embedding {
  readonly outcome: Outcome;
  readonly size: number;
  readonly elementType: number;
  readonly dimensions: number;
  readonly slot: number;
  /** What was delivered, `size` bytes at most. */
  readonly bytes: Uint8Array;
}

export function getEmbedding(fd: number, request: EmbeddingRequest): Embedding {
  return withMemory((memory) => {
    const inline = request.data === undefined;
    const behind = inline ? (request.inlineBytes ?? request.room) : 0;
    const { view, bytes, address } = memory.room(embedding.$.size + behind);
    const buffer = request.data === 'own' ? memory.room(request.room) : undefined;
    const data = buffer?.address ?? (typeof request.data === 'number' ? request.data : 0);
    embedding.id.setBig(view, 0, BigInt(request.id));
    embedding.data.setBig(view, 0, BigInt.asUintN(64, BigInt(data)));
    embedding.data_size.set(view, 0, request.room);
    embedding.element_type.set(view, 0, request.elementType ?? 0);
    embedding.flags.set(view, 0, request.flags ?? 0);
    view.setUint32(embedding.reserved.offset, request.reserved ?? 0, true);
    const command = inline ? VEXFS_IOC_GET_EMBEDDING_INLINE(behind) : VEXFS_IOC_GET_EMBEDDING;
    const outcome = call(fd, command, address);
    const size = embedding.data_size.get(view, 0);
    const delivered =
      buffer?.bytes.subarray(0, size) ?? bytes.subarray(embedding.$.size, embedding.$.size + size);
    return {
      outcome,
      size,
      elementType: embedding.element_type.get(view, 0),
      dimensions: embedding.dimensions.get(view, 0),
      slot: embedding.slot.get(view, 0),
      bytes: delivered.slice(0, request.room),
    };
  });
}

/** The row of an id as float32, or the errno. */
export function rowOf(fd: number, id: number | bigint, dimensions: number): Float32Array | Outcome {
  const room = dimensions * elementBytes(1 satisfies ElementType);
  const found = getEmbedding(fd, { id, room, data: 'own', elementType: 1 });
  return found.outcome === 'ok' ? new Float32Array(found.bytes.buffer) : found.outcome;
}

export type Stats = Readonly<Record<string, number>>;

/** GET_STATS by the names of its fields. */
export function getStats(fd: number): { outcome: Outcome; stats: Stats } {
  return withMemory((memory) => {
    const { view, address } = memory.room(vexfsStats.$.size);
    const outcome = call(fd, VEXFS_IOC_GET_STATS, address);
    const stats: Record<string, number> = {};
    for (const [name, field] of vexfsStats.$.fields) {
      stats[name] =
        field.size === 8 ? Number(view.getBigUint64(field.offset, true)) : view.getUint32(field.offset, true);
    }
    return { outcome, stats };
  });
}
