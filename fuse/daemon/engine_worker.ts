import { workerData } from 'node:worker_threads';
import { Connection } from '../server/connection.js';
import { errno, pread, runInTurns } from '../system/index.js';
import { announceChange } from './engine/announce.js';
import { recall } from './engine/answer_mapped.js';
import { moveFor } from './engine/caller_memory.js';
import { copyRow } from './engine/copy_row.js';
import { copyIds, copyRows } from './engine/copy_rows.js';
import { getRow } from './engine/get_row.js';
import { getRows } from './engine/get_rows.js';
import { ImageReader } from './engine/image_reader.js';
import { followIndex, openOrMakeIndex, verifyIndex, writeSnapshot } from './engine/index_jobs.js';
import { search, searchPart } from './engine/search.js';
import { settle } from './engine/settle.js';
import { writePieces } from './engine/write_pieces.js';
import { Exchange, type ExchangeHandle, type JobSlot } from './exchange.js';
import { closeGraph, followGraph, makeGraph, verifyGraph } from './hnswlib/jobs.js';
import { anyJob, indexJob, JOB, readJob, warmJob } from './jobs.js';

/** What an engine thread, a reader or a writer starts with. */
export interface EngineWorkerData {
  readonly exchange: ExchangeHandle;
  /** ENGINE_QUEUE; READ_QUEUE and WRITE_QUEUE, whose jobs wait for the disk and for nothing else; INDEX_QUEUE. */
  readonly queue: number;
  readonly fuseFd: number;
  readonly imageFd: number;
  readonly maxRead: number;
}

/** What jobs on this thread share. */
export interface EngineThread {
  readonly exchange: Exchange;
  readonly connection: Connection;
  /** The volume's descriptor. */
  readonly imageFd: number;
}

const data = workerData as EngineWorkerData;
const thread: EngineThread = {
  exchange: new Exchange(data.exchange),
  connection: new Connection(data.fuseFd, 4096, data.maxRead + 4096),
  imageFd: data.imageFd,
};

/** READ of what the page cache does not hold. */
function readCold(slot: JobSlot): void {
  const { fields } = slot;
  const { connection, imageFd } = thread;
  const unique = fields[anyJob.unique]!;
  const length = fields[readJob.length]!;
  const pairs = new Float64Array(slot.bytes.buffer, slot.bytes.byteOffset, fields[readJob.segments]! * 2);
  const reader = new ImageReader(imageFd, pairs);
  if (reader.read(connection.output.address + Connection.PAYLOAD_AT, length)) {
    connection.send(unique, length);
    return;
  }
  fields[anyJob.failedAt] = reader.failedAt + 1;
  connection.fail(unique, errno.EIO);
}

/** WARM: metadata comes into the page cache. Whether it could be read, the next try tells. */
function warm({ connection, imageFd }: EngineThread, { fields }: JobSlot): void {
  const { address, bytes } = connection.output;
  const end = fields[warmJob.position]! + fields[warmJob.bytes]!;
  for (let at = fields[warmJob.position]!; at < end; ) {
    const got = pread(imageFd, address, Math.min(bytes.length, end - at), at);
    if (got === -errno.EINTR) continue;
    if (got <= 0) return;
    at += got;
  }
}

const isHnswlib = ({ fields }: JobSlot): boolean => fields[indexJob.hnswlib] === 1;

const RUN: Readonly<Record<number, (thread: EngineThread, slot: JobSlot) => void>> = {
  [JOB.READ]: (_, slot) => readCold(slot),
  [JOB.COPY_ROWS]: copyRows,
  [JOB.COPY_IDS]: copyIds,
  [JOB.COPY_ROW]: copyRow,
  [JOB.GET_ROWS]: getRows,
  [JOB.SETTLE]: settle,
  [JOB.ANNOUNCE]: announceChange,
  [JOB.SEARCH]: search,
  [JOB.SEARCH_PART]: searchPart,
  [JOB.RECALL]: recall,
  [JOB.GET]: getRow,
  [JOB.WRITE]: writePieces,
  [JOB.WARM]: warm,
  [JOB.INDEX_OPEN]: (own, slot) => (isHnswlib(slot) ? makeGraph(slot) : openOrMakeIndex(own, slot)),
  [JOB.INDEX_FOLLOW]: (own, slot) => (isHnswlib(slot) ? followGraph(own, slot) : followIndex(own, slot)),
  [JOB.INDEX_SAVE]: writeSnapshot,
  [JOB.INDEX_VERIFY]: (own, slot) => (isHnswlib(slot) ? verifyGraph(slot) : verifyIndex(own, slot)),
  [JOB.INDEX_CLOSE]: (_, slot) => closeGraph(slot),
};

/** Jobs that come back for more work; the others have answered, and what comes back of them is their slot. */
const COME_BACK: ReadonlySet<number> = new Set([
  JOB.COPY_ROWS,
  JOB.COPY_IDS,
  JOB.COPY_ROW,
  JOB.SEARCH_PART,
  JOB.RECALL,
  JOB.SETTLE,
  JOB.WRITE,
  JOB.WARM,
  JOB.INDEX_OPEN,
  JOB.INDEX_FOLLOW,
  JOB.INDEX_SAVE,
  JOB.INDEX_VERIFY,
]);

runInTurns(() => {
  const slot = thread.exchange.next(data.queue);
  if (slot === undefined) return false;
  const kind = slot.fields[anyJob.kind]!;
  moveFor(thread.exchange, slot);
  RUN[kind]!(thread, slot);
  if (COME_BACK.has(kind) || slot.fields[anyJob.failedAt] !== 0) thread.exchange.complete(slot);
  else thread.exchange.completeQuietly(slot);
  return true;
});
