import { addressOf } from '../../system/index.js';
import { consecutive } from '../slot_runs.js';
import type { VectorFile } from '../vector_files.js';
import type { Batch, SlotRun } from './batch.js';

/** Changes the id table and appends what changed to the log: the freed slots first, then the new rows. */
export function recordBatch(
  file: VectorFile,
  batch: Pick<Batch, 'rows' | 'ids' | 'memory'>,
  runs: readonly SlotRun[],
  old: number[],
): void {
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
