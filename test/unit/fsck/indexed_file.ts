import { bestCpu, IndexType as EngineType, Isa, VectorIndex } from '@vexfs/fuse/engine';
import {
  describeIndex,
  type Inode,
  swapSnapshot,
  VectorSet,
  type Volume,
  type WrittenRun,
  writeContent,
} from '@vexfs/fuse/volume';
import { ElementType, IndexType, SearchType } from '@vexfs/shared';
import { FOUR_FLOATS } from '../../fixtures/row_layout.js';
import { IndexedRows } from '../engine/indexed_rows.js';

/** A file of float32 rows with an index of its own. */
export interface IndexedShape {
  readonly rows: number;
  readonly dimensions: number;
  readonly metric: SearchType;
  readonly m: number;
  readonly isFlat?: boolean;
  /** Rows behind the first generation of codes. */
  readonly trainRows?: number;
}

export const COSINE_GRAPH: IndexedShape = { rows: 300, dimensions: 4, metric: SearchType.COSINE, m: 4 };

const EF_CONSTRUCTION = 10;

/** Element `i` of row `row`: no row is zero, and hardly two are alike. */
const element = (row: number, i: number): number => 1 + ((row * 7919 + i * 104_729) % 1009) / 100;

function takenRows(shape: IndexedShape): IndexedRows {
  const index = VectorIndex.create(
    {
      metric: shape.metric,
      element: ElementType.FLOAT32,
      dimensions: shape.dimensions,
      m: shape.m,
      efConstruction: EF_CONSTRUCTION,
      trainRows: shape.trainRows ?? 0,
      type: shape.isFlat === true ? EngineType.FLAT : EngineType.GRAPH,
    },
    Isa.BEST,
  );
  if (typeof index === 'number') throw new Error(`the index was not made: ${index}`);
  const rows = new IndexedRows(index, bestCpu, shape.metric, shape.rows, shape.dimensions);
  for (let row = 0; row < shape.rows; row++)
    rows.put(
      row,
      BigInt(row),
      Array.from({ length: shape.dimensions }, (_, i) => element(row, i)),
    );
  if (rows.take() !== shape.rows) throw new Error('the index has not taken every row');
  return rows;
}

/** Fills an empty file with rows and gives it an index that has taken all of them, and a snapshot of that. */
export function addIndexedRows(volume: Volume, file: Inode, shape: IndexedShape): void {
  const rows = takenRows(shape);
  try {
    const matrix = new Float32Array(shape.rows * shape.dimensions);
    for (let row = 0; row < shape.rows; row++) matrix.set(rows.row(row), row * shape.dimensions);
    writeContent(volume, file, 0, new Uint8Array(matrix.buffer));
    const set = VectorSet.create(volume, file);
    set.layout = { ...FOUR_FLOATS, dimensions: shape.dimensions };
    set.appendPut(0, 0, 0, shape.rows);
    set.slots = shape.rows;
    set.liveRows = shape.rows;
    set.nextId = BigInt(shape.rows);
    describeIndex(set, {
      type: shape.isFlat === true ? IndexType.FLAT : IndexType.GRAPH,
      metric: shape.metric,
      m: shape.m,
      efConstruction: EF_CONSTRUCTION,
      efSearch: 20,
    });
    rows.index.setPosition(shape.rows);
    storeSnapshot(volume, set, rows.snapshot(), shape.rows);
  } finally {
    rows.destroy();
  }
}

function storeSnapshot(volume: Volume, set: VectorSet, bytes: Uint8Array, slots: number): void {
  const { blockSize } = volume.geometry;
  const runs: WrittenRun[] = [];
  let done = 0;
  for (let left = Math.ceil(bytes.length / blockSize); left > 0; ) {
    const run = volume.blocks.reserve(volume.goalFor(set.inode.number, true), left);
    const piece = new Uint8Array(run.length * blockSize);
    piece.set(bytes.subarray(done, done + piece.length));
    volume.device.write(run.start * blockSize, piece);
    runs.push(run);
    done += piece.length;
    left -= run.length;
  }
  swapSnapshot(volume, set, runs, bytes.length, { log: { record: 0, slots }, scan: 0 });
}
