import {
  answerQuestions,
  ChangeOp,
  cpuFor,
  Isa,
  indexChange,
  indexRows,
  indexSearch,
  queryBytes,
  questions,
  Searcher,
  VectorIndex,
} from '@vexfs/fuse/engine';
import { allocateMemory, MAP_SHARED, type Memory, mmap, munmap, PROT_READ } from '@vexfs/fuse/system';
import { ElementType, SearchType } from '@vexfs/shared';

interface About {
  readonly rows: number;
  readonly dimensions: number;
  readonly m: number;
  readonly efConstruction: number;
  readonly k: number;
  /** Queries of one call. */
  readonly count: number;
}

/**
 * The engine's index in user space over a mapped file of packed float32 rows, ids 0, 1, ..., by Euclidean distance: built and
 * searched by one thread, with the code that the module runs.
 */
export class UserSpaceIndex {
  /** Where the queries of the next call stand, row-major. */
  readonly queries: Float32Array;
  /** Ids that the last call found: those of query i begin at i * k. */
  readonly ids: BigUint64Array;
  private readonly index: VectorIndex;
  private readonly searcher = new Searcher();
  private readonly rows: number;
  private readonly bytes: number;
  private readonly call: Memory;
  private readonly efAt: number;

  constructor(fd: number, about: About) {
    const { rows, dimensions, k, count } = about;
    this.bytes = rows * dimensions * 4;
    this.rows = mmap(0, this.bytes, PROT_READ, MAP_SHARED, fd, 0);
    const made = VectorIndex.create(
      {
        metric: SearchType.EUCLIDEAN,
        element: ElementType.FLOAT32,
        dimensions,
        m: about.m,
        efConstruction: about.efConstruction,
      },
      Isa.AVX2,
    );
    if (typeof made === 'number') throw new Error(`an index cannot be made: ${made}`);
    this.index = made;
    const source = allocateMemory(4096);
    indexRows.base.set(source.view, 0, this.rows);
    indexRows.stride.set(source.view, 0, dimensions * 4);
    indexRows.slots.set(source.view, 0, rows);
    const ids = this.build(rows, source.address);

    const values = allocateMemory(count * dimensions * 4);
    const found = allocateMemory(count * k * 8);
    this.queries = new Float32Array(values.bytes.buffer, values.bytes.byteOffset, count * dimensions);
    this.ids = new BigUint64Array(found.bytes.buffer, found.bytes.byteOffset, count * k);
    this.call = allocateMemory(4096);
    const { view } = this.call;
    questions.cpu.set(view, 0, cpuFor(Isa.AVX2));
    questions.index.set(view, 0, this.index.handle);
    questions.searcher.set(view, 0, this.searcher.handle);
    questions.query.set(view, 0, allocateMemory(queryBytes(dimensions)).address);
    questions.row.set(view, 0, allocateMemory(dimensions * 4).address);
    questions.values.set(view, 0, values.address);
    questions.distances.set(view, 0, allocateMemory(count * k * 4).address);
    questions.ids.set(view, 0, found.address);
    questions.counts.set(view, 0, allocateMemory(count * 4).address);
    questions.metric.set(view, 0, SearchType.EUCLIDEAN);
    questions.element.set(view, 0, ElementType.FLOAT32);
    questions.dims.set(view, 0, dimensions);
    questions.count.set(view, 0, count);
    const search = questions.search.offset;
    indexSearch.rows.set(view, search, source.address);
    indexSearch.ids.set(view, search, ids);
    indexSearch.slots.set(view, search, rows);
    indexSearch.k.set(view, search, k);
    this.efAt = search;
  }

  /** Takes all rows. Returns where their ids stand. */
  private build(rows: number, source: number): number {
    const ids = allocateMemory(rows * 8);
    const changes = allocateMemory(rows * indexChange.$.size);
    for (let i = 0; i < rows; i++) {
      const at = i * indexChange.$.size;
      ids.view.setUint32(i * 8, i, true);
      indexChange.id.set(changes.view, at, i);
      indexChange.slot.set(changes.view, at, i);
      indexChange.op.set(changes.view, at, ChangeOp.PUT);
    }
    const taken = this.index.apply(source, changes.address, rows, 1, 0);
    if (taken !== rows) throw new Error(`of ${rows} rows the index took ${taken}`);
    return ids.address;
  }

  run(ef: number): void {
    indexSearch.ef.set(this.call.view, this.efAt, ef);
    const found = answerQuestions(this.call.address);
    if (found < 0) throw new Error(`a search failed: ${found}`);
  }

  end(): void {
    this.searcher.destroy();
    this.index.destroy();
    munmap(this.rows, this.bytes);
  }
}
