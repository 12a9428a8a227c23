import type { FileHandle } from 'node:fs/promises';
import {
  batchDelete,
  batchInsertRequest,
  batchSearch,
  DeleteFlag,
  ElementType,
  Errno,
  getEmbedding,
  IndexOperation,
  InsertFlag,
  MAX_INLINE_BYTES,
  MAX_K,
  manageIndex,
  NO_ID,
  SearchFlag,
  VEXFS_IOC_BATCH_DELETE,
  VEXFS_IOC_BATCH_GET,
  VEXFS_IOC_BATCH_INSERT,
  VEXFS_IOC_BATCH_SEARCH,
  VEXFS_IOC_GET_EMBEDDING,
  VEXFS_IOC_GET_EMBEDDING_INLINE,
  VEXFS_IOC_GET_STATS,
  VEXFS_IOC_GET_VECTOR_META,
  VEXFS_IOC_MANAGE_INDEX,
  VEXFS_IOC_SET_VECTOR_META,
  VEXFS_IOC_VECTOR_SEARCH,
  vectorFileInfo,
  vectorSearchRequest,
  vexfsStats,
} from '@vexfs/shared';
import { CallableFile } from './callable_file.js';
import { VexfsError } from './error.js';
import {
  codeOf,
  decodeIndexInfo,
  type IndexInfo,
  type IndexOptions,
  indexTypes,
  searchTypes,
} from './index_info.js';
import { addressOf } from './ioctl.js';
import { decodeInfo, encodeLayout, type FileInfo, type Layout, unsigned } from './layout.js';
import { encodeBatchGet, encodePut, slotOf, storedAs } from './row_calls.js';
import { checkCallSize, defaultBatchRows, type Ids, packIds, packRows, type Rows, toId } from './rows.js';
import { decodeStats, type FileStats } from './stats.js';

/** Smaller is nearer for each: root taken; 1 - cosine; minus the dot product. */
export type Metric = 'euclidean' | 'cosine' | 'dot';

export interface SearchOptions {
  /** Results wanted, 1 to 10000; 10 when absent. */
  readonly k?: number;
  /** `euclidean` when absent. */
  readonly metric?: Metric;
  /** Candidates that an index looks at, 1 to 10000; as the index says when absent. */
  readonly ef?: number;
  /** Compare every row, whatever index there is. */
  readonly exact?: boolean;
}

/** Ids are 64 bits wide and therefore bigint. */
export interface Hit {
  readonly id: bigint;
  readonly distance: number;
}

export interface InsertOptions {
  /** One for each row; absent: the next free ones. */
  readonly ids?: Ids;
  /** Replace rows whose ids exist instead of refusing the batch. */
  readonly overwrite?: boolean;
  /** Check the batch and store nothing; not together with `overwrite`. */
  readonly validate?: boolean;
}

export interface Batch {
  readonly rows: Rows;
  readonly ids?: Ids;
}

export interface InsertManyOptions {
  readonly overwrite?: boolean;
  /** Rows a call; as many as 32 MiB hold when absent. */
  readonly batchRows?: number;
  /** Told after each batch how many rows are stored so far. */
  readonly onStored?: (rows: number) => void;
}

export interface Row {
  readonly id: bigint;
  /** Place in the matrix; it changes when the row is overwritten. */
  readonly slot: number;
  readonly vector: Float32Array;
}

/** Where a row went. */
export interface StoredRow {
  readonly id: bigint;
  readonly slot: number;
}

/** An open vector file. Calls may run at the same time; `close` waits for them. */
export class VectorFile {
  readonly path: string;
  /** Whether openVectors has made it. */
  readonly isNew: boolean;
  readonly #file: CallableFile;
  #dimensions: number | undefined;

  /** Programs call openVectors. */
  constructor(path: string, handle: FileHandle, isNew = false) {
    this.path = path;
    this.isNew = isNew;
    this.#file = new CallableFile(path, handle);
  }

  /** Layout and live rows. @throws VexfsError ENODATA when the file carries no vectors */
  async info(): Promise<FileInfo> {
    const argument = new Uint8Array(vectorFileInfo.$.size);
    await this.#file.call('info', VEXFS_IOC_GET_VECTOR_META, argument);
    const info = decodeInfo(argument);
    this.#dimensions = info.dimensions;
    return info;
  }

  async stats(): Promise<FileStats> {
    const argument = new Uint8Array(vexfsStats.$.size);
    await this.#file.call('stats', VEXFS_IOC_GET_STATS, argument);
    return decodeStats(argument);
  }

  /** Makes the file a vector file. The same layout again is no error. @throws VexfsError EEXIST when it holds rows of another */
  async setMeta(layout: Layout): Promise<void> {
    await this.#file.call('setMeta', VEXFS_IOC_SET_VECTOR_META, encodeLayout(layout));
    this.#dimensions = layout.dimensions;
  }

  /**
   * Stores all rows or none of them; they are searchable when this returns and durable after `sync`.
   * @returns how many rows there were
   * @throws RangeError when the rows do not fit one call or the file's dimensions
   */
  async insert(rows: Rows, options: InsertOptions = {}): Promise<number> {
    const { ids, overwrite = false, validate = false } = options;
    if (overwrite && validate)
      throw new RangeError('validate stores nothing, so it cannot go with overwrite');
    const dimensions = await this.#knownDimensions();
    const packed = packRows(rows, dimensions);
    checkCallSize(packed.count, dimensions);
    const packedIds = ids === undefined ? undefined : packIds(ids, packed.count);
    if (packed.count === 0) return 0;
    const flags = validate ? InsertFlag.VALIDATE : overwrite ? InsertFlag.OVERWRITE : InsertFlag.APPEND;
    await this.#insertPacked(packed.data, packed.count, packedIds, flags);
    return packed.count;
  }

  /**
   * Stores any number of rows in batches, each of which is all or nothing.
   * @param source one lot of rows, or lots one after the other from an iterable
   * @returns how many rows are stored
   * @throws VexfsError whose `stored` counts the rows of the batches before the one that failed
   */
  async insertMany(
    source: Batch | Iterable<Batch> | AsyncIterable<Batch>,
    options: InsertManyOptions = {},
  ): Promise<number> {
    const dimensions = await this.#knownDimensions();
    const batchRows = options.batchRows ?? defaultBatchRows(dimensions);
    if (!Number.isInteger(batchRows) || batchRows < 1)
      throw new RangeError(`batchRows ${batchRows} is no count`);
    checkCallSize(batchRows, dimensions);
    const flags = options.overwrite === true ? InsertFlag.OVERWRITE : InsertFlag.APPEND;
    let stored = 0;
    for await (const { rows, ids } of 'rows' in source ? [source] : source) {
      const { data, count } = packRows(rows, dimensions);
      const packedIds = ids === undefined ? undefined : packIds(ids, count);
      for (let first = 0; first < count; first += batchRows) {
        const last = Math.min(count, first + batchRows);
        const part = data.subarray(first * dimensions, last * dimensions);
        try {
          await this.#insertPacked(part, last - first, packedIds?.subarray(first, last), flags);
        } catch (error) {
          throw error instanceof VexfsError ? new VexfsError(error, stored) : error;
        }
        stored += last - first;
        options.onStored?.(stored);
      }
    }
    return stored;
  }

  /** The k nearest rows, nearest first; fewer when the file has fewer. */
  async search(query: Float32Array | readonly number[], options: SearchOptions = {}): Promise<Hit[]> {
    const { k = 10, metric = 'euclidean' } = options;
    if (options.ef !== undefined || options.exact === true) {
      const [hits] = await this.searchMany([query], options);
      return hits!;
    }
    if (!Number.isInteger(k) || k < 1 || k > MAX_K) throw new RangeError(`k ${k} is not 1 to ${MAX_K}`);
    const type = codeOf(searchTypes, metric, 'metric');
    const vector = Float32Array.from(query);
    const distances = new Float32Array(k);
    const ids = new BigUint64Array(k);
    const argument = new Uint8Array(vectorSearchRequest.$.size);
    const view = new DataView(argument.buffer);
    vectorSearchRequest.query_vector.setBig(view, 0, addressOf(vector));
    vectorSearchRequest.dimensions.set(view, 0, vector.length);
    vectorSearchRequest.k.set(view, 0, k);
    vectorSearchRequest.search_type.set(view, 0, type);
    vectorSearchRequest.results.setBig(view, 0, addressOf(distances));
    vectorSearchRequest.result_ids.setBig(view, 0, addressOf(ids));
    await this.#file.call('search', VEXFS_IOC_VECTOR_SEARCH, argument, [vector, distances, ids]);
    const count = Math.min(k, vectorSearchRequest.result_count.get(view, 0));
    return Array.from({ length: count }, (_, index) => ({ id: ids[index]!, distance: distances[index]! }));
  }

  /** The k nearest rows of each query, in one call. @throws RangeError when they do not fit the file's dimensions */
  async searchMany(queries: Rows, options: SearchOptions = {}): Promise<Hit[][]> {
    const { k = 10, metric = 'euclidean', ef = 0, exact = false } = options;
    if (!Number.isInteger(k) || k < 1 || k > MAX_K) throw new RangeError(`k ${k} is not 1 to ${MAX_K}`);
    const type = codeOf(searchTypes, metric, 'metric');
    unsigned(ef, 32, 'ef');
    const dimensions = await this.#knownDimensions();
    const { data, count } = packRows(queries, dimensions);
    if (count === 0) return [];
    const distances = new Float32Array(count * k);
    const ids = new BigUint64Array(count * k);
    const counts = new Uint32Array(count);
    const argument = new Uint8Array(batchSearch.$.size);
    const view = new DataView(argument.buffer);
    batchSearch.queries.setBig(view, 0, addressOf(data));
    batchSearch.results.setBig(view, 0, addressOf(distances));
    batchSearch.result_ids.setBig(view, 0, addressOf(ids));
    batchSearch.result_counts.setBig(view, 0, addressOf(counts));
    batchSearch.count.set(view, 0, count);
    batchSearch.dimensions.set(view, 0, dimensions);
    batchSearch.k.set(view, 0, k);
    batchSearch.search_type.set(view, 0, type);
    batchSearch.ef.set(view, 0, ef);
    batchSearch.flags.set(view, 0, exact ? SearchFlag.EXACT : 0);
    await this.#file.call('searchMany', VEXFS_IOC_BATCH_SEARCH, argument, [data, distances, ids, counts]);
    return Array.from(counts, (found, query) =>
      Array.from({ length: Math.min(k, found) }, (_, i) => ({
        id: ids[query * k + i]!,
        distance: distances[query * k + i]!,
      })),
    );
  }

  /** The row with this id as float32, undefined when there is none. */
  async get(id: bigint | number): Promise<Row | undefined> {
    const wanted = toId(id);
    const dimensions = await this.#knownDimensions();
    const bytes = dimensions * 4;
    const inline = bytes <= MAX_INLINE_BYTES;
    const head = getEmbedding.$.size;
    const argument = new Uint8Array(inline ? head + bytes : head);
    const vector = inline
      ? new Float32Array(argument.buffer, head, dimensions)
      : new Float32Array(dimensions);
    const view = new DataView(argument.buffer);
    getEmbedding.id.setBig(view, 0, wanted);
    getEmbedding.data.setBig(view, 0, inline ? 0n : addressOf(vector));
    getEmbedding.data_size.set(view, 0, bytes);
    getEmbedding.element_type.set(view, 0, ElementType.FLOAT32);
    const command = inline ? VEXFS_IOC_GET_EMBEDDING_INLINE(bytes) : VEXFS_IOC_GET_EMBEDDING;
    try {
      await this.#file.call('get', command, argument, [vector]);
    } catch (error) {
      if (error instanceof VexfsError && error.errno === Errno.ENOENT) return undefined;
      throw error;
    }
    return { id: wanted, slot: getEmbedding.slot.get(view, 0), vector: vector.slice() };
  }

  /**
   * The rows with these ids as float32, in their order, by one call; undefined where there is none.
   * @throws RangeError when they do not fit one call
   */
  async getMany(ids: Ids): Promise<Array<Float32Array | undefined>> {
    const packed = packIds(ids, ids.length);
    const dimensions = await this.#knownDimensions();
    checkCallSize(packed.length, dimensions);
    if (packed.length === 0) return [];
    const { argument, vectors, found } = encodeBatchGet(packed, dimensions);
    await this.#file.call('getMany', VEXFS_IOC_BATCH_GET, argument, [packed, vectors, found]);
    return Array.from(found, (is, row) =>
      is === 0 ? undefined : vectors.slice(row * dimensions, (row + 1) * dimensions),
    );
  }

  /**
   * Stores one row, under the next free id when none is given.
   * @throws VexfsError EEXIST when the id has a row
   */
  async add(
    vector: Float32Array | readonly number[],
    options: { readonly id?: bigint | number } = {},
  ): Promise<StoredRow> {
    const { command, argument, data } = encodePut(
      'ADD_EMBEDDING',
      options.id === undefined ? NO_ID : toId(options.id),
      await this.#oneRow(vector),
    );
    await this.#file.call('add', command, argument, [data]);
    return { id: storedAs(argument), slot: slotOf(argument) };
  }

  /** Replaces the row with this id. @throws VexfsError ENOENT when there is none */
  async update(id: bigint | number, vector: Float32Array | readonly number[]): Promise<StoredRow> {
    const { command, argument, data } = encodePut('UPDATE_EMBEDDING', toId(id), await this.#oneRow(vector));
    await this.#file.call('update', command, argument, [data]);
    return { id: storedAs(argument), slot: slotOf(argument) };
  }

  async #oneRow(vector: Float32Array | readonly number[]): Promise<Float32Array> {
    return packRows([vector], await this.#knownDimensions()).data;
  }

  /**
   * Deletes the rows with these ids, all or none. `missingOk`: ids that no row has are passed over.
   * @throws VexfsError ENOENT when an id is missing
   */
  async delete(ids: Ids, options: { readonly missingOk?: boolean } = {}): Promise<void> {
    const packed = packIds(ids, ids.length);
    if (packed.length === 0) return;
    const argument = new Uint8Array(batchDelete.$.size);
    const view = new DataView(argument.buffer);
    batchDelete.ids.setBig(view, 0, addressOf(packed));
    batchDelete.count.set(view, 0, packed.length);
    batchDelete.flags.set(view, 0, options.missingOk === true ? DeleteFlag.MISSING_OK : 0);
    await this.#file.call('delete', VEXFS_IOC_BATCH_DELETE, argument, [packed]);
  }

  /**
   * What MANAGE_INDEX tells, also of a file without an index. `sample`: the recall is measured by so many rows, MAX_RECALL_SAMPLE at
   * most; a search of every row for each.
   */
  indexInfo(options: { readonly sample?: number } = {}): Promise<IndexInfo> {
    return this.#manage('indexInfo', IndexOperation.INFO, (view) => {
      manageIndex.sample.set(view, 0, unsigned(options.sample ?? 0, 32, 'sample'));
    });
  }

  /** Gives the file an index, which is built behind. @throws VexfsError EEXIST when it has one */
  createIndex(options: IndexOptions = {}): Promise<IndexInfo> {
    const { type = 'graph', metric = 'euclidean' } = options;
    return this.#manage('createIndex', IndexOperation.CREATE, (view) => {
      manageIndex.type.set(view, 0, codeOf(indexTypes, type, 'index type'));
      manageIndex.metric.set(view, 0, codeOf(searchTypes, metric, 'metric'));
      manageIndex.m.set(view, 0, unsigned(options.m ?? 0, 32, 'm'));
      manageIndex.ef_construction.set(view, 0, unsigned(options.efConstruction ?? 0, 32, 'efConstruction'));
      manageIndex.ef_search.set(view, 0, unsigned(options.efSearch ?? 0, 32, 'efSearch'));
    });
  }

  /** Changes how many candidates searches look at, or from how many rows on a search makes an index (never: 2^32 - 1). */
  tuneIndex(options: { readonly efSearch?: number; readonly automaticRows?: number }): Promise<IndexInfo> {
    return this.#manage('tuneIndex', IndexOperation.TUNE, (view) => {
      manageIndex.ef_search.set(view, 0, unsigned(options.efSearch ?? 0, 32, 'efSearch'));
      manageIndex.automatic_rows.set(view, 0, unsigned(options.automaticRows ?? 0, 32, 'automaticRows'));
    });
  }

  /** Resolves when every change that was made before is in the index. */
  waitForIndex(): Promise<IndexInfo> {
    return this.#manage('waitForIndex', IndexOperation.WAIT);
  }

  /** Checks the snapshot that the index was opened from. @throws VexfsError EUCLEAN: it is damaged, and built anew */
  verifyIndex(): Promise<IndexInfo> {
    return this.#manage('verifyIndex', IndexOperation.VERIFY);
  }

  /** Begins to build the index anew from the rows. */
  rebuildIndex(): Promise<IndexInfo> {
    return this.#manage('rebuildIndex', IndexOperation.REBUILD);
  }

  dropIndex(): Promise<IndexInfo> {
    return this.#manage('dropIndex', IndexOperation.DROP);
  }

  async #manage(
    name: string,
    operation: IndexOperation,
    fill: (view: DataView) => void = () => {},
  ): Promise<IndexInfo> {
    const argument = new Uint8Array(manageIndex.$.size);
    const view = new DataView(argument.buffer);
    manageIndex.operation.set(view, 0, operation);
    fill(view);
    await this.#file.call(name, VEXFS_IOC_MANAGE_INDEX, argument);
    return decodeIndexInfo(argument);
  }

  /** Makes everything that was inserted before durable: fdatasync(2). */
  async sync(): Promise<void> {
    await this.#file.open('sync').datasync();
  }

  /** Waits for the calls that are under way and closes the file; a second call waits for the first. */
  close(): Promise<void> {
    return this.#file.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #knownDimensions(): Promise<number> {
    return this.#dimensions ?? (await this.info()).dimensions;
  }

  async #insertPacked(
    data: Float32Array,
    count: number,
    ids: BigUint64Array | undefined,
    flags: number,
  ): Promise<void> {
    const argument = new Uint8Array(batchInsertRequest.$.size);
    const view = new DataView(argument.buffer);
    batchInsertRequest.vectors.setBig(view, 0, addressOf(data));
    batchInsertRequest.vector_count.set(view, 0, count);
    batchInsertRequest.dimensions.set(view, 0, data.length / count);
    batchInsertRequest.vector_ids.setBig(view, 0, ids === undefined ? 0n : addressOf(ids));
    batchInsertRequest.flags.set(view, 0, flags);
    await this.#file.call('insert', VEXFS_IOC_BATCH_INSERT, argument, [data, ids]);
  }
}
