import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import {
  VSS_ADD_VECTOR,
  VSS_GET_STATS,
  VSS_MAX_DIMENSION,
  VSS_MAX_K,
  VSS_NO_ID,
  VSS_QUERY_TOP_K,
  vssQuery,
  vssStats,
  vssVector,
} from '@vexfs/shared';
import { CallableFile } from './callable_file.js';
import { fromFileError } from './error.js';

export interface VssOpenOptions {
  /** Open for adding too. */
  readonly write?: boolean;
}

/** Ids are 32 bits wide. */
export interface VssHit {
  readonly id: number;
  /** Euclidean, the root taken. */
  readonly distance: number;
}

export interface VssStats {
  readonly vectors: number;
  /** Vectors at most. */
  readonly capacity: number;
  /** Components of each vector; 0 before the first. */
  readonly dimension: number;
  /** Queries answered so far. */
  readonly queries: number;
}

/**
 * A small store of vectors in memory: /dev/vss of the kernel, or the file of a vexfs-vss mount. All who open it share its
 * vectors. Calls may run at the same time; `close` waits for them.
 */
export class VssClient {
  readonly path: string;
  readonly #file: CallableFile;

  private constructor(path: string, handle: FileHandle) {
    this.path = path;
    this.#file = new CallableFile(path, handle, 'vss');
  }

  /** @throws VexfsError of the open: EACCES or EPERM without permission, ENOENT when neither module nor mount is there */
  static async open(path = '/dev/vss', options: VssOpenOptions = {}): Promise<VssClient> {
    try {
      return new VssClient(
        path,
        await open(path, options.write === true ? constants.O_RDWR : constants.O_RDONLY),
      );
    } catch (error) {
      throw fromFileError(error, 'open', path);
    }
  }

  /**
   * Adds a vector, or replaces the one with this id. The first vector fixes the number of components.
   * @param id 0 to 4294967294
   * @param vector 1 to 128 finite components
   * @throws RangeError for an id or a length that no call carries
   * @throws VexfsError EINVAL: another number of components than the vectors before, or one that is not finite as float32; ENOSPC: the
   *   store is full; ENOMEM: the machine is; EBADF: not opened with `write`
   */
  async add(id: number, vector: Float32Array | readonly number[]): Promise<void> {
    if (!Number.isInteger(id) || id < 0 || id >= VSS_NO_ID)
      throw new RangeError(`${id} is no id: ids are 0 to ${VSS_NO_ID - 1}`);
    const argument = new Uint8Array(vssVector.$.size);
    const view = new DataView(argument.buffer);
    vssVector.id.set(view, 0, id);
    vssVector.dimension.set(view, 0, putVector(argument, vssVector.data.offset, vector));
    await this.#file.call('add', VSS_ADD_VECTOR, argument);
  }

  /**
   * The k nearest vectors, nearest first, ties by id; fewer when the store has fewer.
   * @param vector as many components as the vectors have
   * @param k 1 to 32; 10 when absent
   * @throws RangeError for a k or a length that no call carries
   * @throws VexfsError EINVAL: another number of components than the vectors have, or one that is not finite; EINTR: a signal came
   */
  async query(
    vector: Float32Array | readonly number[],
    { k = 10 }: { readonly k?: number } = {},
  ): Promise<VssHit[]> {
    if (!Number.isInteger(k) || k < 1 || k > VSS_MAX_K)
      throw new RangeError(`k ${k} is not 1 to ${VSS_MAX_K}`);
    const argument = new Uint8Array(vssQuery.$.size);
    const view = new DataView(argument.buffer);
    vssQuery.k.set(view, 0, k);
    vssQuery.dimension.set(view, 0, putVector(argument, vssQuery.query_vector.offset, vector));
    await this.#file.call('query', VSS_QUERY_TOP_K, argument);
    const ids = new Uint32Array(argument.buffer, vssQuery.result_ids.offset, k);
    const distances = new Float32Array(argument.buffer, vssQuery.distances.offset, k);
    const hits = Array.from(ids, (id, index) => ({ id, distance: distances[index]! }));
    return hits.filter(({ id }) => id !== VSS_NO_ID);
  }

  async stats(): Promise<VssStats> {
    const argument = new Uint8Array(vssStats.$.size);
    await this.#file.call('stats', VSS_GET_STATS, argument);
    const view = new DataView(argument.buffer);
    return {
      vectors: vssStats.vectors.get(view, 0),
      capacity: vssStats.capacity.get(view, 0),
      dimension: vssStats.dimension.get(view, 0),
      queries: vssStats.queries.get(view, 0),
    };
  }

  /** Waits for the calls that are under way and closes the file; a second call waits for the first. */
  close(): Promise<void> {
    return this.#file.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** Writes the components at `at` of an argument and returns how many there are. */
function putVector(argument: Uint8Array, at: number, vector: Float32Array | readonly number[]): number {
  if (vector.length < 1 || vector.length > VSS_MAX_DIMENSION)
    throw new RangeError(`${vector.length} components are not 1 to ${VSS_MAX_DIMENSION}`);
  new Float32Array(argument.buffer, at, VSS_MAX_DIMENSION).set(vector);
  return vector.length;
}
