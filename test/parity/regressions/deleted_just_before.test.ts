import { closeSync, openSync, unlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { batchInsertRequest, VEXFS_IOC_BATCH_INSERT } from '@vexfs/shared';
import koffi from 'koffi';
import { FuseBackend } from '../backend/fuse.js';
import { paritySuite } from '../backend/suite.js';
import { CallerMemory } from '../client/caller_memory.js';
import { getMeta } from '../client/vector_calls.js';
import { fillVolume } from '../operations/fill_volume.js';

const { test, backend, fresh, vectorFile, open } = paritySuite({ size: '12M' });

/** Of 24 requests that are there with a FORGET, Linux passes 8 on before it (fs/fuse/dev.c, fuse_dev_do_read). */
const ROUNDS = 28;
const ROWS = 4096;
const O_PATH = 0o10000000;
/** A call on another thread is under way after that. */
const PAUSE_MS = 20;

type Asynchronous = (...words: number[]) => Promise<number>;
const libc = koffi.load(null);
const ioctl = promisify(
  libc.func('int ioctl(int fd, ulong command, uintptr_t argument)').async,
) as Asynchronous;
const write = promisify(
  libc.func('intptr_t write(int fd, uintptr_t bytes, size_t length)').async,
) as Asynchronous;

/**
 * What `use` returns on a full volume right after the last who knew a deleted file has let go of it, round by round. A daemon is
 * stopped meanwhile, so that it finds the end of the file and the call at once.
 */
async function usesOfWhatWasDeleted(use: () => Promise<number>): Promise<number[]> {
  const served = backend instanceof FuseBackend ? backend.pid : undefined;
  const answers: number[] = [];
  while (answers.length < ROUNDS) {
    const path = fillVolume(fresh());
    const last = openSync(path, O_PATH);
    unlinkSync(path);
    if (served !== undefined) process.kill(served, 'SIGSTOP');
    let answer: Promise<number>;
    try {
      closeSync(last);
      answer = use();
      await sleep(PAUSE_MS);
    } finally {
      if (served !== undefined) process.kill(served, 'SIGCONT');
    }
    answers.push(await answer);
  }
  return answers;
}

test('rows take the space of a file that was deleted just before', async (t) => {
  const { fd } = vectorFile({ dimensions: 1 });
  const memory = new CallerMemory();
  const { view, address } = memory.room(batchInsertRequest.$.size);
  batchInsertRequest.vectors.setBig(view, 0, BigInt(memory.place(new Float32Array(ROWS))));
  batchInsertRequest.vector_count.set(view, 0, ROWS);
  batchInsertRequest.dimensions.set(view, 0, 1);
  const answers = await usesOfWhatWasDeleted(() => ioctl(fd, VEXFS_IOC_BATCH_INSERT, address));
  memory.free();
  t.deepEqual(
    answers,
    answers.map(() => 0),
  );
  t.is(getMeta(fd).vectorCount, ROUNDS * ROWS);
});

test('bytes take the space of a file that was deleted just before', async (t) => {
  const fd = open(fresh());
  const memory = new CallerMemory();
  const bytes = memory.room(ROWS);
  const answers = await usesOfWhatWasDeleted(() => write(fd, bytes.address, ROWS));
  memory.free();
  t.deepEqual(
    answers,
    answers.map(() => ROWS),
  );
});
