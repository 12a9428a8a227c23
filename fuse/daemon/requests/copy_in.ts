import type { Memory } from '../../system/index.js';
import { ENGINE_QUEUE } from '../exchange.js';
import type { Filesystem } from '../filesystem.js';
import { isTooFarBehind } from '../indexing/pace.js';
import { anyJob } from '../jobs.js';
import { takeJob } from '../take_job.js';
import type { VectorFile } from '../vector_file.js';
import type { Call } from './ioctl.js';
import { ownArgument } from './own_argument.js';

/** What a call points at, on its way into memory of ours. */
export interface CopyIn {
  /** One of JOB: it reads the argument in its payload, and anyJob.result tells how it went. */
  readonly kind: number;
  readonly bytes: number;
  /** Tells the job what goes where. */
  fill(fields: Float64Array, address: number): void;
  /** On this thread, when all is copied and checked; gives the memory back. */
  done(memory: Memory): void;
}

/** As copyInFor, for a call that brings so many rows: where the index of the file is too far behind, it waits before it begins. */
export function copyRowsFor(fs: Filesystem, call: Call, file: VectorFile, rows: number, copy: CopyIn): void {
  const { index } = file;
  if (index === undefined || fs.indexing.hasEnded || !isTooFarBehind(index, rows)) {
    copyInFor(fs, call, file, copy);
    return;
  }
  const own = ownArgument(call);
  const { unique } = call.request;
  index.pace.hold(fs, index, unique, rows, () =>
    fs.attempt(
      unique,
      () => copyInFor(fs, own, file, copy),
      () => {},
    ),
  );
}

/** Has an engine thread copy what a call that changes rows points at; a failure is answered here. Throws Park, ENOMEM. */
export function copyInFor(fs: Filesystem, call: Call, file: VectorFile, copy: CopyIn): void {
  const { unique, pid, uid, bytes } = call.request;
  const { slot, memory } = takeJob(fs, copy.bytes, uid);
  const { fields } = slot;
  slot.bytes.set(bytes.subarray(call.at, call.at + call.size));
  fields[anyJob.kind] = copy.kind;
  fields[anyJob.unique] = unique;
  fields[anyJob.pid] = pid;
  fields[anyJob.node] = file.inode.number;
  copy.fill(fields, memory.address);
  file.pins += 1;
  fs.pin(slot, () => {
    file.pins -= 1;
    const code = fields[anyJob.result]!;
    if (code === 0) {
      copy.done(memory);
      return;
    }
    fs.transfer.give(memory);
    fs.connection.fail(unique, code);
  });
  fs.submit(ENGINE_QUEUE, slot, unique);
}
