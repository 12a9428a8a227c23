import { vectorSearchRequest } from '@vexfs/shared';
import { Connection } from '../../server/connection.js';
import { errno, type Transfer } from '../../system/index.js';
import type { EngineThread } from '../engine_worker.js';
import type { JobSlot } from '../exchange.js';
import { answerByHnswlib } from '../hnswlib/answer.js';
import { anyJob, searchJob } from '../jobs.js';
import { ioctlResult } from './announce.js';
import { answerMapped } from './answer_mapped.js';
import { answerRead } from './answer_read.js';
import { copyIn, copyOutAll } from './caller_memory.js';
import { type Questions, questionsOf } from './questions.js';
import { type Places, placesFor } from './search_memory.js';

const AT = Connection.PAYLOAD_AT;
/** Bytes of rows that are read at a time where they cannot be mapped. */
const WINDOW = 1 << 20;
/** Bytes of queries and results that are moved at a time. */
const MOVED = 1 << 20;
const MOST_MOVED = 256;

/** Job SEARCH: searches the pinned rows, by their index where the FUSE thread named one; answers the call. */
export function search(thread: EngineThread, slot: JobSlot): void {
  const { fields } = slot;
  const unique = fields[anyJob.unique]!;
  const questions = questionsOf(slot);
  const result = run(thread, slot, questions);
  if (result < 0) {
    thread.connection.fail(unique, -result);
    return;
  }
  const out = ioctlResult(thread);
  const reply = thread.connection.output;
  reply.bytes.set(slot.bytes.subarray(0, questions.size), out);
  if (fields[searchJob.batch] !== 1) vectorSearchRequest.result_count.set(reply.view, out, result);
  thread.connection.send(unique, out - AT + questions.size);
}

/** Job SEARCH_PART: some of the queries of a batch. The FUSE thread answers when all parts are back. */
export function searchPart(thread: EngineThread, slot: JobSlot): void {
  slot.fields[anyJob.result] = Math.max(0, -run(thread, slot, questionsOf(slot)));
}

/** Hits of the last query, or -errno. The answers go to the caller piece by piece. */
function run(thread: EngineThread, slot: JobSlot, questions: Questions): number {
  const { fields } = slot;
  const { first, count, k } = questions;
  const pid = fields[anyJob.pid]!;
  const dimensions = fields[searchJob.dimensions]!;
  const isHnswlib = fields[searchJob.hnswlib] === 1;
  const isMapped = !isHnswlib && (fields[searchJob.index] !== 0 || fields[searchJob.base] !== 0);
  const windowBytes = isMapped ? 0 : Math.max(WINDOW, fields[searchJob.stride]!);
  const rowBytes = dimensions * 4;
  const each = rowBytes + k * 12;
  const most = Math.max(1, Math.min(count, MOST_MOVED, Math.floor(MOVED / each)));
  const places = placesFor({ dimensions, k, windowBytes, queries: most });
  let hits = 0;
  for (let done = 0; done < count; done += most) {
    const part = Math.min(most, count - done);
    const from = first + done;
    const copied = copyIn(pid, places.values, questions.queries + BigInt(from * rowBytes), part * rowBytes);
    if (copied !== 0) return -copied;
    if (thread.exchange.isInterrupted(slot)) return -errno.EINTR;
    if (isMapped) hits = answerMapped(thread, slot, questions, places, part);
    else if (isHnswlib) hits = answerByHnswlib(thread, slot, questions, places, part);
    else hits = answerRead(thread, slot, questions, places, windowBytes, part);
    if (hits < 0) return hits;
    const failed = copyOutAll(pid, answers(questions, places, from, part, hits));
    if (failed !== 0) return -failed;
  }
  return hits;
}

/** What goes where in the caller's memory. */
function answers(questions: Questions, places: Places, from: number, part: number, hits: number): Transfer[] {
  const { k, counts } = questions;
  const isBatch = counts !== 0n;
  const filled = isBatch ? part * k : hits;
  const list: Transfer[] = [
    { local: places.distances, remote: questions.results + BigInt(from * k * 4), bytes: filled * 4 },
    { local: places.ids, remote: questions.ids + BigInt(from * k * 8), bytes: filled * 8 },
  ];
  if (isBatch) list.push({ local: places.counts, remote: counts + BigInt(from * 4), bytes: part * 4 });
  return list;
}
