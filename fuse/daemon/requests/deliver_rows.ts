import { bytesOfRow } from '../../volume/index.js';
import { aligned } from '../cache_line.js';
import { ENGINE_QUEUE, type JobSlot } from '../exchange.js';
import type { Filesystem } from '../filesystem.js';
import { anyJob, getJob } from '../jobs.js';
import { segmentPairs } from '../segments.js';
import { takeJob } from '../take_job.js';
import type { VectorFile } from '../vector_file.js';

/** What a thread is to read, and who gets it. */
export interface Delivery {
  /** JOB.GET or JOB.GET_ROWS. */
  readonly kind: number;
  readonly unique: number;
  readonly pid: number;
  readonly uid: number;
  readonly file: VectorFile;
  /** The part of the file where the rows lie. */
  readonly offset: number;
  readonly length: number;
  /** Bytes that the job works in. */
  readonly room: number;
  /** Puts the argument into the job's payload, and what else it has to know. */
  fill(slot: JobSlot): void;
  /** When the caller has been answered. */
  done(): void;
}

/** Has an engine thread read rows, convert them and answer with them. Throws Park, ENOMEM: then `done` does not run. */
export function deliverRows(fs: Filesystem, delivery: Delivery): void {
  const { kind, unique, pid, uid, file, offset, length, room } = delivery;
  const { inode } = file;
  const { layout } = file.set;
  const pairs = segmentPairs(fs.volume, inode, offset, length);
  const scratchAt = aligned(pairs.byteLength);
  const { slot, memory } = takeJob(fs, scratchAt + room, uid);
  new Float64Array(memory.bytes.buffer, memory.bytes.byteOffset, pairs.length).set(pairs);
  const { fields } = slot;
  fields[anyJob.kind] = kind;
  fields[anyJob.unique] = unique;
  fields[anyJob.pid] = pid;
  fields[anyJob.node] = inode.number;
  fields[getJob.segments] = pairs.length / 2;
  fields[getJob.segmentsAt] = memory.address;
  fields[getJob.scratch] = memory.address + scratchAt;
  fields[getJob.element] = layout.elementType;
  fields[getJob.dimensions] = layout.dimensions;
  fields[getJob.rowBytes] = bytesOfRow(layout);
  delivery.fill(slot);
  file.pins += 1;
  fs.pin(slot, () => {
    file.pins -= 1;
    fs.transfer.give(memory);
    delivery.done();
  });
  fs.submit(ENGINE_QUEUE, slot, unique);
}
