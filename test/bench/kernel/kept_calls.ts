import { allocateMemory, errnoName, freeMemory, ioctl, type Memory } from '@vexfs/fuse/system';
import {
  batchSearch,
  VEXFS_IOC_BATCH_SEARCH,
  VEXFS_IOC_VECTOR_SEARCH,
  vectorSearchRequest,
} from '@vexfs/shared';

const PAGE = 4096;

/** An ioctl whose argument and buffers are made once, so that what is timed is the call. */
class KeptCall {
  private readonly blocks: Memory[] = [];
  private readonly fd: number;
  private readonly command: number;

  constructor(fd: number, command: number) {
    this.fd = fd;
    this.command = command;
  }

  protected room(bytes: number): Memory {
    const memory = allocateMemory(Math.ceil(bytes / PAGE) * PAGE);
    // A page that is not there yet would be brought in by the first call.
    memory.bytes.fill(0);
    this.blocks.push(memory);
    return memory;
  }

  protected call(argument: Memory): void {
    const result = ioctl(this.fd, this.command, argument.address);
    if (result < 0) throw new Error(`ioctl: ${errnoName(result)}`);
  }

  free(): void {
    for (const memory of this.blocks.splice(0)) freeMemory(memory);
  }
}

/** VECTOR_SEARCH by Euclidean distance, of one file. */
export class KeptSearch extends KeptCall {
  private readonly argument = this.room(vectorSearchRequest.$.size);
  private readonly query: Float32Array;
  private readonly ids: Memory;

  constructor(fd: number, dimensions: number, k: number) {
    super(fd, VEXFS_IOC_VECTOR_SEARCH);
    const query = this.room(dimensions * 4);
    const { view } = this.argument;
    this.query = new Float32Array(query.bytes.buffer, query.bytes.byteOffset, dimensions);
    this.ids = this.room(k * 8);
    vectorSearchRequest.query_vector.set(view, 0, query.address);
    vectorSearchRequest.dimensions.set(view, 0, dimensions);
    vectorSearchRequest.k.set(view, 0, k);
    vectorSearchRequest.results.set(view, 0, this.room(k * 4).address);
    vectorSearchRequest.result_ids.set(view, 0, this.ids.address);
  }

  /** Ids of the nearest. */
  run(query: Float32Array): bigint[] {
    this.query.set(query);
    this.call(this.argument);
    const length = vectorSearchRequest.result_count.get(this.argument.view, 0);
    return Array.from({ length }, (_, i) => this.ids.view.getBigUint64(i * 8, true));
  }
}

/** BATCH_SEARCH by Euclidean distance of so many queries, of one file. */
export class KeptBatch extends KeptCall {
  /** Where the queries of the next call stand, row-major. */
  readonly queries: Float32Array;
  /** Ids that the last call found: those of query i begin at i * k. */
  readonly ids: BigUint64Array;
  private readonly argument = this.room(batchSearch.$.size);

  constructor(fd: number, about: { dimensions: number; k: number; count: number }) {
    super(fd, VEXFS_IOC_BATCH_SEARCH);
    const { dimensions, k, count } = about;
    const queries = this.room(count * dimensions * 4);
    const ids = this.room(count * k * 8);
    const { view } = this.argument;
    this.queries = new Float32Array(queries.bytes.buffer, queries.bytes.byteOffset, count * dimensions);
    this.ids = new BigUint64Array(ids.bytes.buffer, ids.bytes.byteOffset, count * k);
    batchSearch.queries.set(view, 0, queries.address);
    batchSearch.results.set(view, 0, this.room(count * k * 4).address);
    batchSearch.result_ids.set(view, 0, ids.address);
    batchSearch.result_counts.set(view, 0, this.room(count * 4).address);
    batchSearch.count.set(view, 0, count);
    batchSearch.dimensions.set(view, 0, dimensions);
    batchSearch.k.set(view, 0, k);
  }

  /** Candidates that an index looks at. */
  run(ef: number): void {
    batchSearch.ef.set(this.argument.view, 0, ef);
    this.call(this.argument);
  }
}
