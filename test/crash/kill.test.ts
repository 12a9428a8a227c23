import { type ChildProcess, spawn } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { FuseBackend } from '../parity/backend/fuse.js';
import { checkVolume } from '../parity/check.js';
import { getMeta, search } from '../parity/client/vector_calls.js';
import { operationsFound } from './load/file_operations.js';
import { Random } from './load/random.js';
import { BATCHES } from './load/worker.js';

/** More rounds by hand: VEXFS_KILL_ROUNDS=500, another course of events by VEXFS_SEED. */
const ROUNDS = Number(process.env.VEXFS_KILL_ROUNDS ?? 25);
const SEED = Number(process.env.VEXFS_SEED ?? 1);
const ROUNDS_OF_A_TEST = 4;
/** Every process has to have synced something when the daemon is killed; on a busy machine that takes its time. */
const FIRST_SYNC_MS = 60_000;
const KINDS = ['files', 'files', 'append', 'overwrite', 'large'] as const;
/** Of how many rounds one has large batches too. */
const LARGE_EVERY = 4;
/** Rows that one search returns at most. */
const MOST_HITS = 10_000;
const WORKER = fileURLToPath(new URL('./load/worker.js', import.meta.url));

interface Work {
  readonly kind: (typeof KINDS)[number];
  readonly folder: string;
  readonly seed: number;
  readonly process: ChildProcess;
  readonly ended: Promise<number | null>;
  issued: number;
  synced: number;
  errors: string;
}

const root = mkdtempSync(join(tmpdir(), 'vexfs-kill-'));
const backend = new FuseBackend(root, { size: '400M' });
const random = new Random(SEED);
const started: Work[] = [];
let freeAtFirst = 0;

function start(kind: Work['kind'], folder: string, seed: number): Work {
  mkdirSync(folder);
  const child = spawn(process.execPath, [WORKER, kind, folder, String(seed)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise<number | null>((resolve) => {
    child.once('close', resolve);
  });
  const work: Work = { kind, folder, seed, process: child, ended, issued: 0, synced: 0, errors: '' };
  started.push(work);
  let rest = '';
  child.stdout.on('data', (text: Buffer) => {
    const lines = (rest + text.toString()).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const [word, number] = line.split(' ');
      if (word === 'issued') work.issued = Number(number);
      else work.synced = Number(number);
    }
  });
  child.stderr.on('data', (text: Buffer) => {
    work.errors += text.toString();
  });
  return work;
}

/** Throws when the rows are not those of a number of whole batches between the synced and the issued ones. */
function checkRows({ kind, folder, synced, issued }: Work): void {
  if (kind === 'files') throw new Error('files are no vectors');
  const { rows: perBatch, dimensions, overwrites } = BATCHES[kind];
  const fd = openSync(join(folder, 'rows.vec'), 'r');
  try {
    const live = getMeta(fd).vectorCount;
    const { outcome, hits } = search(fd, new Float32Array(dimensions), { k: MOST_HITS });
    if (outcome !== 'ok') throw new Error(`search: ${outcome}`);
    const found = new Map(
      hits.map((hit) => [Number(hit.id), Math.round(hit.distance / Math.sqrt(dimensions))]),
    );
    const batches = overwrites ? (found.get(0) ?? 0) : live / perBatch;
    const rows = !overwrites ? live : batches === 0 ? 0 : perBatch;
    if (live !== rows || !Number.isInteger(batches))
      throw new Error(`${live} rows: a batch is there in part`);
    if (batches < synced || batches > issued) throw new Error(`batch ${batches} of ${synced} to ${issued}`);
    if (found.size !== Math.min(rows, MOST_HITS) || hits.length !== found.size)
      throw new Error(`${hits.length} hits for ${rows} rows`);
    for (const [id, value] of found) {
      const expected = overwrites ? batches : Math.floor(id / perBatch) + 1;
      if (value !== expected) throw new Error(`row ${id} is ${value}, not ${expected}`);
    }
    if (overwrites && rows > 0) checkMatrix(join(folder, 'rows.vec'), batches, rows, dimensions);
  } finally {
    closeSync(fd);
  }
}

/** Throws when fewer than `rows` rows of the matrix consist of `value` alone: a search does not look at all of them. */
function checkMatrix(path: string, value: number, rows: number, dimensions: number): void {
  const bytes = readFileSync(path);
  const matrix = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  let whole = 0;
  for (let start = 0; start < matrix.length; start += dimensions) {
    let at = start;
    while (at < start + dimensions && matrix[at] === value) at += 1;
    if (at === start + dimensions) whole += 1;
  }
  if (whole < rows) throw new Error(`${whole} rows of the matrix are whole, not ${rows}`);
}

test.serial.before('a volume is made', async () => {
  await backend.mount();
  freeAtFirst = statfsSync(backend.mountpoint).bfree;
});

test.serial.after.always('everything ends', async () => {
  for (const work of started) work.process.kill('SIGKILL');
  try {
    await backend.end();
    checkVolume(backend.device);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});

for (let first = 0; first < ROUNDS; first += ROUNDS_OF_A_TEST) {
  const last = Math.min(ROUNDS, first + ROUNDS_OF_A_TEST);
  test.serial(
    `what was synced is there after kill -9 of the daemon, rounds ${first + 1} to ${last}`,
    async (t) => {
      t.timeout(600_000);
      // Without a mount the processes would work in the empty folder, for ever.
      if (!backend.isMounted) throw new Error('an earlier round has failed');
      for (let round = first; round < last; round++) {
        const folder = join(backend.mountpoint, `round${round}`);
        mkdirSync(folder);
        const folderFd = openSync(folder, 'r');
        const kinds = KINDS.filter((kind) => kind !== 'large' || round % LARGE_EVERY === 0);
        const works = kinds.map((kind, i) =>
          start(kind, join(folder, `w${i}`), SEED * 1_000_003 + round * 101 + i),
        );
        closeSync(folderFd);
        if (round > 0)
          rmSync(join(backend.mountpoint, `round${round - 1}`), { recursive: true, force: true });
        const deadline = performance.now() + FIRST_SYNC_MS;
        while (works.some((work) => work.synced === 0) && performance.now() < deadline) await sleep(5);
        await sleep(random.below(500));
        await backend.crash();
        for (const work of works) {
          t.is(await work.ended, 0, `${work.kind}: ${work.errors}`);
          t.true(work.synced > 0, `${work.kind} has synced`);
        }
        await backend.mount();
        for (const work of works) {
          const { kind, synced, issued, seed } = work;
          const where = `round ${round}, ${kind}`;
          if (kind === 'files') t.notThrows(() => operationsFound(work.folder, seed, synced, issued), where);
          else t.notThrows(() => checkRows(work), where);
        }
        await backend.unmount();
        t.notThrows(() => checkVolume(backend.device), `round ${round}`);
        await backend.mount();
      }
    },
  );
}

test.serial('all space is free again when everything is removed', async (t) => {
  for (const name of readdirSync(backend.mountpoint))
    rmSync(join(backend.mountpoint, name), { recursive: true });
  await backend.remount();
  t.is(statfsSync(backend.mountpoint).bfree, freeAtFirst);
});
