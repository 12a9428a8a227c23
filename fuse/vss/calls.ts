/** The three calls: an argument in the request that was read, and the answer in the reply. */
import {
  ElementType,
  SearchType,
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
import {
  bestCpu,
  firstNotFinite,
  prepareQuery,
  queryBytes,
  SCAN_SCRATCH_BYTES,
  scanRequest,
  searchExact,
  topkBytes,
} from '../engine/index.js';
import { encodeIoctlOut, ioctlIn, ioctlOut, mayRead, mayWrite } from '../protocol/index.js';
import { Connection, type Request } from '../server/connection.js';
import { allocateMemory, errno } from '../system/index.js';
import type { Interrupts } from './interrupts.js';
import type { Rows, Store } from './store.js';

const FLOAT_BYTES = 4;

function aligned(bytes: number): number {
  return Math.ceil(bytes / 64) * 64;
}

/** The calls of one thread. */
export class Calls {
  readonly #store: Store;
  readonly #interrupts: Interrupts;
  readonly #connection: Connection;
  readonly #query: number;
  readonly #topk: number;
  readonly #ids: number;
  readonly #scan: number;
  readonly #scanView: DataView;
  readonly #idsView: BigUint64Array;

  constructor(store: Store, interrupts: Interrupts, connection: Connection) {
    this.#store = store;
    this.#interrupts = interrupts;
    this.#connection = connection;
    const parts = [
      aligned(queryBytes(VSS_MAX_DIMENSION)),
      aligned(topkBytes(VSS_MAX_K)),
      aligned(VSS_MAX_K * 8),
      aligned(scanRequest.$.size),
    ];
    const starts = parts.map((_, index) => parts.slice(0, index).reduce((sum, bytes) => sum + bytes, 0));
    const end = starts[3]! + parts[3]!;
    const memory = allocateMemory(end + SCAN_SCRATCH_BYTES);
    this.#query = memory.address;
    this.#topk = memory.address + starts[1]!;
    this.#ids = memory.address + starts[2]!;
    this.#scan = memory.address + starts[3]!;
    this.#idsView = new BigUint64Array(memory.bytes.buffer, starts[2]!, VSS_MAX_K);
    this.#scanView = new DataView(memory.bytes.buffer, starts[3]!, scanRequest.$.size);
    scanRequest.scratch.set(this.#scanView, 0, memory.address + end);
    scanRequest.interrupt.set(this.#scanView, 0, interrupts.word);
  }

  /** An IOCTL on the file. Returns the length of the payload that stands at PAYLOAD_AT, or -errno. */
  ioctl(request: Request): number {
    const { view, body } = request;
    const flags = ioctlIn.fh.get(view, body);
    const at = body + ioctlIn.$.size;
    // The kernel has copied as many bytes of the argument as the command says. Callers with 32-bit addresses pass the same.
    switch (ioctlIn.cmd.get(view, body)) {
      case VSS_ADD_VECTOR:
        return mayWrite(flags) ? this.#add(request, at) : -errno.EBADF;
      case VSS_QUERY_TOP_K:
        return mayRead(flags) ? this.#queryTopK(request, at) : -errno.EBADF;
      case VSS_GET_STATS:
        return mayRead(flags) ? this.#getStats() : -errno.EBADF;
      default:
        return -errno.ENOTTY;
    }
  }

  #add({ bytes, view }: Request, at: number): number {
    const id = vssVector.id.get(view, at);
    const dimension = vssVector.dimension.get(view, at);
    if (id === VSS_NO_ID || dimension < 1 || dimension > VSS_MAX_DIMENSION) return -errno.EINVAL;
    const data = at + vssVector.data.offset;
    if (firstNotFinite(bestCpu, this.#connection.input.address + data, dimension) !== dimension)
      return -errno.EINVAL;
    const error = this.#store.add(id, dimension, bytes.subarray(data, data + dimension * FLOAT_BYTES));
    return error < 0
      ? error
      : encodeIoctlOut(this.#connection.output.view, Connection.PAYLOAD_AT) - Connection.PAYLOAD_AT;
  }

  #queryTopK(request: Request, at: number): number {
    const { bytes, view, unique } = request;
    const k = vssQuery.k.get(view, at);
    const dimension = vssQuery.dimension.get(view, at);
    if (k < 1 || k > VSS_MAX_K || dimension < 1 || dimension > VSS_MAX_DIMENSION) return -errno.EINVAL;
    const values = this.#connection.input.address + at + vssQuery.query_vector.offset;
    const { EUCLIDEAN } = SearchType;
    const error = prepareQuery(bestCpu, this.#query, EUCLIDEAN, ElementType.FLOAT32, dimension, values);
    if (error < 0) return error;
    const { output } = this.#connection;
    const answer = encodeIoctlOut(output.view, Connection.PAYLOAD_AT);
    output.bytes.set(bytes.subarray(at, at + vssQuery.$.size), answer);
    const distances = output.address + answer + vssQuery.distances.offset;
    const found = this.#store.reading(dimension, (rows) => this.#search(rows, k, distances, unique));
    if (found < 0) return found;
    for (let i = 0; i < VSS_MAX_K; i++) {
      const id = i < found ? Number(this.#idsView[i]) : VSS_NO_ID;
      output.view.setUint32(answer + vssQuery.result_ids.offset + i * 4, id, true);
      if (i >= found)
        output.view.setFloat32(answer + vssQuery.distances.offset + i * FLOAT_BYTES, Infinity, true);
    }
    this.#store.countQuery();
    return ioctlOut.$.size + vssQuery.$.size;
  }

  /** Returns how many were found, or -errno. */
  #search({ dimension, vectors, rows, ids }: Rows, k: number, distances: number, unique: number): number {
    scanRequest.rows.set(this.#scanView, 0, rows);
    scanRequest.stride.set(this.#scanView, 0, dimension * FLOAT_BYTES);
    scanRequest.ids.set(this.#scanView, 0, ids);
    scanRequest.n.set(this.#scanView, 0, vectors);
    for (;;) {
      const found = searchExact(bestCpu, this.#query, this.#scan, k, this.#topk, distances, this.#ids, 0);
      if (found !== -errno.EINTR || this.#interrupts.isMeant(unique)) return found;
    }
  }

  #getStats(): number {
    const { vectors, capacity, dimension, queries } = this.#store.stats();
    const { view } = this.#connection.output;
    const answer = encodeIoctlOut(view, Connection.PAYLOAD_AT);
    vssStats.vectors.set(view, answer, vectors);
    vssStats.capacity.set(view, answer, capacity);
    vssStats.dimension.set(view, answer, dimension);
    vssStats.queries.setBig(view, answer, queries);
    return ioctlOut.$.size + vssStats.$.size;
  }
}
