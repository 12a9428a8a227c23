import { addressOf, type Memory } from '../system/index.js';
import type { SlotRun } from './slot_runs.js';
import { consecutive } from './slot_runs.js';
import type { VectorFile } from './vector_file.js';

/** Rows that get slots, and their ids in our own memory. */
export interface NewRows {
  readonly rows: number;
  /** Address of the ids, 0 when they go on from the mark. */
  readonly ids: number;
  readonly memory: Memory;
}

/** Changes the id table and appends what changed to the log: the freed slots first, then the new rows. */
export function recordBatch(file: VectorFile, batch: NewRows, runs: readonly SlotRun[], old: number[]): void {
  const { ids, set } = file;
  old.sort((a, b) => a - b);
  for (const run of consecutive(old)) {
    file.must(file.deleteSlots(run.slot, run.count));
    set.appendDelete(run.slot, run.count);
  }
  if (batch.ids === 0) {
    let id = set.nextId;
    for (const run of runs) {
      file.must(ids.putRange(run.slot, id, run.count));
      set.appendPut(run.slot, Number(id & 0xffff_ffffn), Number(id >> 32n), run.count);
      id += BigInt(run.count);
    }
    set.nextId = id;
    return;
  }
  const slots = new Uint32Array(batch.rows);
  for (const run of runs) for (let i = 0; i < run.count; i++) slots[run.row + i] = run.slot + i;
  file.must(ids.putBatch(addressOf(new Uint8Array(slots.buffer)), batch.ids, batch.rows));
  const { bytes, address } = batch.memory;
  const idsAt = bytes.byteOffset + batch.ids - address;
  set.appendRows(slots, new Uint32Array(bytes.buffer, idsAt, batch.rows * 2));
  const { idBound } = ids.info();
  if (idBound > set.nextId) set.nextId = idBound;
}
