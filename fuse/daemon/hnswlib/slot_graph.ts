import { type ElementType, SearchType } from '@vexfs/shared';
import { bestCpu, decodeRows, firstNotFinite, readRow } from '../../engine/index.js';
import { allocateMemory, type Memory } from '../../system/index.js';
import { aligned } from '../cache_line.js';
import { type Graph, loadHnswlib } from './library.js';

/** What a graph is made of. */
export interface GraphShape {
  readonly metric: SearchType;
  readonly element: ElementType;
  readonly dimensions: number;
  readonly m: number;
  readonly efConstruction: number;
}

const SPACES = {
  [SearchType.EUCLIDEAN]: 'l2',
  [SearchType.COSINE]: 'cosine',
  [SearchType.DOT_PRODUCT]: 'ip',
} as const;
const FIRST_CAPACITY = 4096;
const SEED = 100;

/**
 * An index of hnswlib over the rows of one file: labels are slots. It belongs to the thread that made it. Rows with a value that is not
 * finite are not in it: they match no query.
 */
export class SlotGraph {
  readonly shape: GraphShape;
  private readonly graph: Graph;
  private readonly row: Memory;
  /** Of rows as they are stored, the first half; as float32, the second. */
  private readonly floats: Float32Array;
  private readonly floatsAt: number;
  private capacity = FIRST_CAPACITY;
  /** Slots that the graph knows, and those of them that hold a row. */
  private readonly known = new Set<number>();
  private readonly held = new Set<number>();

  constructor(shape: GraphShape) {
    const { HierarchicalNSW } = loadHnswlib();
    this.shape = shape;
    this.graph = new HierarchicalNSW(SPACES[shape.metric], shape.dimensions);
    const { m, efConstruction } = shape;
    this.graph.initIndex({ maxElements: this.capacity, m, efConstruction, randomSeed: SEED });
    const bytes = aligned(shape.dimensions * 4);
    this.row = allocateMemory(2 * bytes);
    this.floatsAt = this.row.address + bytes;
    this.floats = new Float32Array(
      this.row.bytes.buffer,
      this.row.bytes.byteOffset + bytes,
      shape.dimensions,
    );
  }

  get rows(): number {
    return this.held.size;
  }

  /** About what the graph takes: rows as float32, links of level 0 and label. */
  get memoryBytes(): number {
    return this.capacity * (this.shape.dimensions * 4 + this.shape.m * 8 + 16);
  }

  /** The slot holds another row now. Returns -errno when it cannot be read. */
  put(extents: number, slot: number): number {
    const { element, dimensions } = this.shape;
    const failed = readRow(extents, slot, this.row.address);
    if (failed !== 0) return failed;
    decodeRows(bestCpu, element, dimensions, this.row.address, dimensions * 4, 1, this.floatsAt);
    if (firstNotFinite(bestCpu, this.floatsAt, dimensions) !== dimensions) {
      this.delete(slot);
      return 0;
    }
    if (this.known.has(slot)) {
      if (!this.held.has(slot)) this.graph.unmarkDelete(slot);
    } else if (this.known.size === this.capacity) {
      this.capacity *= 2;
      this.graph.resizeIndex(this.capacity);
    }
    this.graph.addPoint(Array.from(this.floats), slot);
    this.known.add(slot);
    this.held.add(slot);
    return 0;
  }

  delete(slot: number): void {
    if (this.held.delete(slot)) this.graph.markDelete(slot);
  }

  /** Slots near the query, k at most. */
  near(query: Float32Array, k: number, ef: number): number[] {
    const count = Math.min(k, this.held.size);
    if (count === 0) return [];
    this.graph.setEf(Math.max(ef, k));
    return this.graph.searchKnn(Array.from(query), count).neighbors;
  }
}

/** Of this thread, by the numbers that jobs name them with. */
const graphs = new Map<number, SlotGraph>();
let last = 0;

export function addGraph(graph: SlotGraph): number {
  last += 1;
  graphs.set(last, graph);
  return last;
}

export function graphAt(handle: number): SlotGraph {
  return graphs.get(handle)!;
}

export function dropGraph(handle: number): void {
  graphs.delete(handle);
}
