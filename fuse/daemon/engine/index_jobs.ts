import { type ElementType, IndexType, type SearchType } from '@vexfs/shared';
import { followLog, Isa, openIndex, saveIndex, VectorIndex } from '../../engine/index.js';
import { EUCLEAN } from '../../volume/index.js';
import type { EngineThread } from '../engine_worker.js';
import type { JobSlot } from '../exchange.js';
import { anyJob, indexJob } from '../jobs.js';

/** A place of the row log as a snapshot keeps it. */
function packed(fields: Float64Array): bigint {
  return (BigInt(fields[indexJob.record]!) << 32n) + BigInt(fields[indexJob.slots]!);
}

function tell(fields: Float64Array, index: VectorIndex): void {
  const info = index.info();
  fields[indexJob.rows] = info.rows;
  fields[indexJob.generation] = info.generation;
  fields[indexJob.memory] = info.memoryBytes;
  fields[indexJob.snapshot] = info.snapshotBytes;
  fields[indexJob.levels] = info.topLevel;
  if (info.damaged && fields[anyJob.result] === 0) fields[anyJob.result] = EUCLEAN;
}

/** Job INDEX_OPEN: the index of a snapshot, EUCLEAN when it is not of these rows; without one an empty index. */
export function openOrMakeIndex(_thread: EngineThread, { fields }: JobSlot): void {
  const made = fields[indexJob.extents] === 0 ? make(fields) : open(fields);
  fields[anyJob.result] = typeof made === 'number' ? -made : 0;
  fields[indexJob.handle] = 0;
  if (typeof made === 'number') return;
  fields[indexJob.handle] = made.handle;
  tell(fields, made);
}

/** The engine counts its kinds from 0. */
const engineType = (fields: Float64Array): 0 | 1 => (fields[indexJob.type] === IndexType.FLAT ? 1 : 0);

function make(fields: Float64Array): VectorIndex | number {
  return VectorIndex.create(
    {
      type: engineType(fields),
      metric: fields[indexJob.metric] as SearchType,
      element: fields[indexJob.element] as ElementType,
      dimensions: fields[indexJob.dimensions]!,
      m: fields[indexJob.m]!,
      efConstruction: fields[indexJob.efConstruction]!,
    },
    Isa.BEST,
  );
}

function open(fields: Float64Array): VectorIndex | number {
  const byRecord = fields[indexJob.byRecord] === 1;
  const index = openIndex(fields[indexJob.extents]!, fields[indexJob.bytes]!, byRecord, Isa.BEST);
  if (typeof index === 'number') return index;
  const info = index.info();
  const isGraph = engineType(fields) === 0;
  const fits =
    info.type === engineType(fields) &&
    info.metric === fields[indexJob.metric] &&
    info.element === fields[indexJob.element] &&
    info.dimensions === fields[indexJob.dimensions] &&
    (!isGraph ||
      (info.m === fields[indexJob.m] && info.efConstruction === fields[indexJob.efConstruction])) &&
    info.position === packed(fields);
  if (fits) return index;
  index.destroy();
  return -EUCLEAN;
}

/** Job INDEX_FOLLOW: takes changes of the log. */
export function followIndex(thread: EngineThread, slot: JobSlot): void {
  const { fields } = slot;
  const index = VectorIndex.at(fields[indexJob.handle]!);
  const taken = followLog(
    index,
    fields[indexJob.extents]!,
    fields[indexJob.changes]!,
    fields[indexJob.count]!,
    {
      last: fields[indexJob.last] === 1,
      threads: fields[indexJob.threads]!,
      interrupt: thread.exchange.interruptAddress(slot),
    },
  );
  fields[indexJob.taken] = Math.max(0, taken);
  fields[anyJob.result] = Math.max(0, -taken);
  tell(fields, index);
}

/** Job INDEX_SAVE: writes a snapshot into blocks that nothing names yet. */
export function writeSnapshot(_thread: EngineThread, { fields }: JobSlot): void {
  const index = VectorIndex.at(fields[indexJob.handle]!);
  index.setPosition(packed(fields));
  fields[anyJob.result] = -saveIndex(index, fields[indexJob.extents]!);
  tell(fields, index);
}

/** Job INDEX_VERIFY: looks at every part of a snapshot that was opened. */
export function verifyIndex(_thread: EngineThread, { fields }: JobSlot): void {
  const index = VectorIndex.at(fields[indexJob.handle]!);
  fields[anyJob.result] = -index.verify();
  tell(fields, index);
}
