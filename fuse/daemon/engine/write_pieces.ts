import { allocateMemory, errno, type Memory, memoryAt, pwrite } from '../../system/index.js';
import type { EngineThread } from '../engine_worker.js';
import type { JobSlot } from '../exchange.js';
import { anyJob, writeJob } from '../jobs.js';

/** Bytes of one pwrite(2): the filesystem below lets nobody else write the image meanwhile. */
const PIECE = 1 << 20;

let zeros: Memory | undefined;

/** Job WRITE: bytes of our own memory, or zeros, go to the device. EINTR when the caller has been interrupted. */
export function writePieces(thread: EngineThread, slot: JobSlot): void {
  const { fields } = slot;
  const count = fields[writeJob.pieces]!;
  fields[anyJob.result] = 0;
  // All of a batch may belong to places that are holes: those are written when it is published.
  if (count === 0) return;
  const { bytes } = memoryAt(fields[writeJob.piecesAt]!, count * 24);
  const pieces = new Float64Array(bytes.buffer, bytes.byteOffset, count * 3);
  for (let i = 0; i < pieces.length && fields[anyJob.result] === 0; i += 3)
    fields[anyJob.result] = writePiece(thread, slot, pieces[i]!, pieces[i + 1]!, pieces[i + 2]!);
}

/** 0 or a positive errno. */
function writePiece(
  thread: EngineThread,
  slot: JobSlot,
  position: number,
  length: number,
  source: number,
): number {
  if (source === 0) zeros ??= allocateMemory(PIECE);
  for (let done = 0; done < length; ) {
    if (thread.exchange.isInterrupted(slot)) return errno.EINTR;
    const count = Math.min(PIECE, length - done);
    const from = source === 0 ? zeros!.address : source + done;
    const written = pwrite(thread.imageFd, from, count, position + done);
    if (written === -errno.EINTR) continue;
    if (written <= 0) return errno.EIO;
    done += written;
  }
  return 0;
}
