import { bestCpu, distances as engineDistances, prepareQuery, queryBytes } from '@vexfs/fuse/engine';
import { ElementType, SearchType } from '@vexfs/shared';
import { withMemory } from '../client/caller_memory.js';

/** The bits of the distances from the engine itself. */
function distanceBits(query: Float32Array, rows: readonly Float32Array[]): Uint32Array {
  const dimension = query.length;
  return withMemory((memory) => {
    const prepared = memory.room(queryBytes(dimension)).address;
    const { EUCLIDEAN } = SearchType;
    const { FLOAT32 } = ElementType;
    const error = prepareQuery(bestCpu, prepared, EUCLIDEAN, FLOAT32, dimension, memory.place(query));
    if (error !== 0) throw new Error(`vx_query_prepare: ${error}`);
    const packed = new Float32Array(rows.length * dimension);
    rows.forEach((row, i) => {
      packed.set(row, i * dimension);
    });
    const out = memory.room(rows.length * 4);
    engineDistances(bestCpu, prepared, memory.place(packed), dimension * 4, 0, rows.length, out.address);
    return new Uint32Array(out.bytes.slice(0, rows.length * 4).buffer);
  });
}

/** What a query has to answer, by sorting all: ids and the bits of distances, nearest first, ties by id. */
export function nearest(
  query: Float32Array,
  rows: ReadonlyMap<number, Float32Array>,
  k: number,
): { ids: number[]; bits: number[] } {
  const bits = distanceBits(query, [...rows.values()]);
  const floats = new Float32Array(bits.buffer);
  const hits = [...rows.keys()].map((id, i) => ({ id, bits: bits[i]!, distance: floats[i]! }));
  const found = hits
    .filter(({ distance }) => Number.isFinite(distance))
    .sort((a, b) => a.distance - b.distance || a.id - b.id)
    .slice(0, k);
  return { ids: found.map((hit) => hit.id), bits: found.map((hit) => hit.bits) };
}

/** A seeded generator of numbers in [0, 1). */
export function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
