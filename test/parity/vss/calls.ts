/** The calls as raw as a C program issues them: any field can have any value. Nothing is checked here. */
import {
  VSS_ADD_VECTOR,
  VSS_GET_STATS,
  VSS_MAX_K,
  VSS_QUERY_TOP_K,
  vssQuery,
  vssStats,
  vssVector,
} from '@vexfs/shared';
import { withMemory } from '../client/caller_memory.js';
import { call, type Outcome } from '../client/vector_calls.js';

export type Values = Float32Array | readonly number[];

function putFloats(view: DataView, at: number, values: Values): void {
  values.forEach((value, i) => {
    view.setFloat32(at + i * 4, value, true);
  });
}

export function add(fd: number, id: number, values: Values, dimension = values.length): Outcome {
  return withMemory((memory) => {
    const { view, address } = memory.room(vssVector.$.size);
    vssVector.id.set(view, 0, id);
    vssVector.dimension.set(view, 0, dimension);
    putFloats(view, vssVector.data.offset, values);
    return call(fd, VSS_ADD_VECTOR, address);
  });
}

export interface Answer {
  readonly outcome: Outcome;
  /** All places of the argument. */
  readonly ids: number[];
  readonly distances: number[];
  /** The distances as their bits. */
  readonly bits: number[];
}

/** What stands in the places of an answer before a call. */
export const UNTOUCHED = 0x5a5a_5a5a;

export function query(fd: number, values: Values, k: number, dimension = values.length): Answer {
  return withMemory((memory) => {
    const { view, address } = memory.room(vssQuery.$.size);
    const places = Array.from({ length: VSS_MAX_K }, (_, i) => i);
    const idAt = (i: number): number => vssQuery.result_ids.offset + i * 4;
    const distanceAt = (i: number): number => vssQuery.distances.offset + i * 4;
    vssQuery.k.set(view, 0, k);
    vssQuery.dimension.set(view, 0, dimension);
    putFloats(view, vssQuery.query_vector.offset, values);
    for (const i of places) {
      view.setUint32(idAt(i), UNTOUCHED, true);
      view.setUint32(distanceAt(i), UNTOUCHED, true);
    }
    const outcome = call(fd, VSS_QUERY_TOP_K, address);
    return {
      outcome,
      ids: places.map((i) => view.getUint32(idAt(i), true)),
      distances: places.map((i) => view.getFloat32(distanceAt(i), true)),
      bits: places.map((i) => view.getUint32(distanceAt(i), true)),
    };
  });
}

export interface Stats {
  readonly outcome: Outcome;
  readonly vectors: number;
  readonly capacity: number;
  readonly dimension: number;
  readonly queries: number;
}

export function stats(fd: number): Stats {
  return withMemory((memory) => {
    const { view, address } = memory.room(vssStats.$.size);
    const outcome = call(fd, VSS_GET_STATS, address);
    return {
      outcome,
      vectors: vssStats.vectors.get(view, 0),
      capacity: vssStats.capacity.get(view, 0),
      dimension: vssStats.dimension.get(view, 0),
      queries: vssStats.queries.get(view, 0),
    };
  });
}

/** Throws when a call that a test builds on did not succeed. */
export function mustAdd(fd: number, id: number, values: Values): void {
  const outcome = add(fd, id, values);
  if (outcome !== 'ok') throw new Error(`VSS_ADD_VECTOR of ${id}: ${outcome}`);
}
