import { type ElementType, IndexType, type SearchType } from '@vexfs/shared';
import { followLog, Isa, openIndex, saveIndex, VectorIndex } from '../../engine/index.js';
import { EUCLEAN } from '../../volume/index.js';
import type { EngineThread } from '../engine_worker.js';
import type { JobSlot } from '../exchange.js';
import {
  INDEX_BYTES,
  INDEX_CHANGES,
  INDEX_COUNT,
  INDEX_DIMENSIONS,
  INDEX_EF_CONSTRUCTION,
  INDEX_ELEMENT,
  INDEX_EXTENTS,
  INDEX_GENERATION,
  INDEX_HANDLE,
  INDEX_LAST,
  INDEX_LEVELS,
  INDEX_M,
  INDEX_MEMORY,
  INDEX_METRIC,
  INDEX_RECORD,
  INDEX_ROWS,
  INDEX_SLOTS,
  INDEX_SNAPSHOT,
  INDEX_TAKEN,
  INDEX_THREADS,
  INDEX_TYPE,
  RESULT,
} from '../jobs.js';

/** A place of the row log as a snapshot keeps it. */
function packed(fields: Float64Array): bigint {
  return (BigInt(fields[INDEX_RECORD]!) << 32n) + BigInt(fields[INDEX_SLOTS]!);
}

function tell(fields: Float64Array, index: VectorIndex): void {
  const info = index.info();
  fields[INDEX_ROWS] = info.rows;
  fields[INDEX_GENERATION] = info.generation;
  fields[INDEX_MEMORY] = info.memoryBytes;
  fields[INDEX_SNAPSHOT] = info.snapshotBytes;
  fields[INDEX_LEVELS] = info.topLevel;
  if (info.damaged && fields[RESULT] === 0) fields[RESULT] = EUCLEAN;
}

/** Job INDEX_OPEN: the index of a snapshot, EUCLEAN when it is not of these rows; without one an empty index. */
export function openOrMakeIndex(_thread: EngineThread, { fields }: JobSlot): void {
  const made = fields[INDEX_EXTENTS] === 0 ? make(fields) : open(fields);
  fields[RESULT] = typeof made === 'number' ? -made : 0;
  fields[INDEX_HANDLE] = 0;
  if (typeof made === 'number') return;
  fields[INDEX_HANDLE] = made.handle;
  tell(fields, made);
}

/** The engine counts its kinds from 0. */
const engineType = (fields: Float64Array): 0 | 1 => (fields[INDEX_TYPE] === IndexType.FLAT ? 1 : 0);

function make(fields: Float64Array): VectorIndex | number {
  return VectorIndex.create(
    {
      type: engineType(fields),
      metric: fields[INDEX_METRIC] as SearchType,
      element: fields[INDEX_ELEMENT] as ElementType,
      dimensions: fields[INDEX_DIMENSIONS]!,
      m: fields[INDEX_M]!,
      efConstruction: fields[INDEX_EF_CONSTRUCTION]!,
    },
    Isa.BEST,
  );
}

function open(fields: Float64Array): VectorIndex | number {
  const index = openIndex(fields[INDEX_EXTENTS]!, fields[INDEX_BYTES]!, Isa.BEST);
  if (typeof index === 'number') return index;
  const info = index.info();
  const isGraph = engineType(fields) === 0;
  const fits =
    info.type === engineType(fields) &&
    info.metric === fields[INDEX_METRIC] &&
    info.element === fields[INDEX_ELEMENT] &&
    info.dimensions === fields[INDEX_DIMENSIONS] &&
    (!isGraph || (info.m === fields[INDEX_M] && info.efConstruction === fields[INDEX_EF_CONSTRUCTION])) &&
    info.position === packed(fields);
  if (fits) return index;
  index.destroy();
  return -EUCLEAN;
}

/** Job INDEX_FOLLOW: takes changes of the log. */
export function followIndex(thread: EngineThread, slot: JobSlot): void {
  const { fields } = slot;
  const index = VectorIndex.at(fields[INDEX_HANDLE]!);
  const taken = followLog(index, fields[INDEX_EXTENTS]!, fields[INDEX_CHANGES]!, fields[INDEX_COUNT]!, {
    last: fields[INDEX_LAST] === 1,
    threads: fields[INDEX_THREADS]!,
    interrupt: thread.exchange.interruptAddress(slot),
  });
  fields[INDEX_TAKEN] = Math.max(0, taken);
  fields[RESULT] = Math.max(0, -taken);
  tell(fields, index);
}

/** Job INDEX_SAVE: writes a snapshot into blocks that nothing names yet. */
export function writeSnapshot(_thread: EngineThread, { fields }: JobSlot): void {
  const index = VectorIndex.at(fields[INDEX_HANDLE]!);
  index.setPosition(packed(fields));
  fields[RESULT] = -saveIndex(index, fields[INDEX_EXTENTS]!);
  tell(fields, index);
}

/** Job INDEX_VERIFY: looks at every part of a snapshot that was opened. */
export function verifyIndex(_thread: EngineThread, { fields }: JobSlot): void {
  const index = VectorIndex.at(fields[INDEX_HANDLE]!);
  fields[RESULT] = -index.verify();
  tell(fields, index);
}
