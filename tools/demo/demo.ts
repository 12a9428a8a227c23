// `npm run demo`: the life of a small volume in a temporary folder, every claim checked. Ends with exit code 0 when all
// of them held, and leaves no mount, process or file behind.
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { openVectors, type VectorFile } from '../client/index.js';
import { loadSift, type Sift } from './sift.js';
import { Volume, vexctl } from './volume.js';

const K = 10;
const ROUNDS = 10;
const BATCH_ROWS = 1_000;
const KILL_AFTER_MS = 50;
// fs/fuse/dev.c: what calls get when the connection is gone, under way and afterwards.
const DEAD_MOUNT = ['ENOTCONN', 'ECONNABORTED'];
const NAME = 'sift.vec';

function say(step: string, text: string): void {
  console.log(`  ${step.padEnd(9)} ${text}`);
}

function check(holds: boolean, otherwise: string): asserts holds {
  if (!holds) throw new Error(otherwise);
}

/** The value below which this share of the samples lies. */
function percentile(samples: readonly number[], share: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

function queryOf(sift: Sift, number: number): Float32Array {
  return sift.queries.subarray(number * sift.dimensions, (number + 1) * sift.dimensions);
}

/** Copies a file in and reads it back. */
function showFile(folder: string): void {
  const source = fileURLToPath(new URL('../../../README.md', import.meta.url));
  const target = join(folder, 'README.md');
  copyFileSync(source, target);
  const bytes = readFileSync(target);
  check(bytes.equals(readFileSync(source)), `${target} differs from what was copied`);
  say('copy', `README.md in and out again, ${bytes.length} bytes`);
}

async function showInsert(file: VectorFile, sift: Sift): Promise<void> {
  const count = sift.rows.length / sift.dimensions;
  const start = performance.now();
  for (let row = 0; row < count; row += BATCH_ROWS) {
    await file.insert(sift.rows.subarray(row * sift.dimensions, (row + BATCH_ROWS) * sift.dimensions));
  }
  const inserted = performance.now();
  await file.sync();
  const rate = Math.round(count / ((inserted - start) / 1000));
  const sync = (performance.now() - inserted).toFixed(1);
  say('insert', `${count} real SIFT rows of ${sift.dimensions} floats: ${rate} rows/s, fsync ${sync} ms`);
}

/** Returns ids and distances of every query one after the other. */
async function searchAll(file: VectorFile, sift: Sift): Promise<{ ids: bigint[]; distances: Float32Array }> {
  const queries = sift.queries.length / sift.dimensions;
  const ids: bigint[] = [];
  const distances = new Float32Array(queries * K);
  for (let number = 0; number < queries; number++) {
    const hits = await file.search(queryOf(sift, number), { k: K });
    check(hits.length === K, `query ${number} found ${hits.length} rows, not ${K}`);
    for (const { id, distance } of hits) {
      distances[ids.length] = distance;
      ids.push(id);
    }
  }
  return { ids, distances };
}

async function showSearch(file: VectorFile, sift: Sift): Promise<{ ids: bigint[]; distances: Float32Array }> {
  const found = await searchAll(file, sift);
  const queries = sift.queries.length / sift.dimensions;
  let right = 0;
  for (let number = 0; number < queries; number++) {
    const nearest = new Set(sift.truth.subarray(number * sift.neighbours, number * sift.neighbours + K));
    right += found.ids.slice(number * K, (number + 1) * K).filter((id) => nearest.has(Number(id))).length;
  }
  const recall = right / (queries * K);
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    for (let number = 0; number < queries; number++) {
      const start = performance.now();
      await file.search(queryOf(sift, number), { k: K });
      times.push((performance.now() - start) * 1000);
    }
  }
  const [p50, p99] = [0.5, 0.99].map((share) => percentile(times, share).toFixed(0));
  say('search', `${queries} queries, recall@${K} ${recall.toFixed(3)}; p50 ${p50} us, p99 ${p99} us`);
  check(
    recall === 1,
    `recall@${K} is ${recall}: ${queries * K - right} of ${queries * K} neighbours were missed`,
  );
  return found;
}

/** The file is a plain matrix: what read(2) gives is what was inserted. */
function showMatrix(path: string, sift: Sift): void {
  const bytes = readFileSync(path);
  const inserted = Buffer.from(sift.rows.buffer, sift.rows.byteOffset, sift.rows.byteLength);
  check(bytes.equals(inserted), `${path} holds ${bytes.length} bytes that are not the matrix of the rows`);
  say('matrix', `readFileSync gives the ${bytes.length / 4} floats that were inserted`);
}

/** Inserts one batch after the other, none of which is synced, until the daemon is gone. */
async function insertUntilDead(file: VectorFile, sift: Sift): Promise<void> {
  const batch = sift.rows.subarray(0, BATCH_ROWS * sift.dimensions);
  await unlessDead(async () => {
    for (;;) await file.insert(batch);
  });
}

/** Lets `work` fail with what a mount answers whose daemon was killed. */
async function unlessDead(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!DEAD_MOUNT.includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}

/** Inserts rows that are synced, kills the daemon amid others that are not, and returns how many were promised. */
async function crashWhileInserting(volume: Volume, sift: Sift): Promise<number> {
  const file = await openVectors(join(volume.folder, NAME), { write: true });
  try {
    await file.insert(sift.queries);
    await file.sync();
    const { rows } = await file.stats();
    await Promise.all([insertUntilDead(file, sift), sleep(KILL_AFTER_MS).then(() => volume.crash())]);
    return rows;
  } finally {
    // close(2) asks the daemon too, and there is none any more.
    await unlessDead(() => file.close());
  }
}

async function showAfterCrash(volume: Volume, sift: Sift, promised: number): Promise<void> {
  const file = await openVectors(join(volume.folder, NAME));
  try {
    const { rows } = await file.stats();
    check(rows >= promised, `${rows} rows are there, ${promised} were promised`);
    check((rows - promised) % BATCH_ROWS === 0, `${rows - promised} rows are a batch in part`);
    const first = sift.rows.length / sift.dimensions;
    for (let number = 0; number < sift.queries.length / sift.dimensions; number++) {
      const hits = await file.search(queryOf(sift, number), { k: K });
      const itself = hits.find((hit) => hit.id === BigInt(first + number));
      check(itself?.distance === 0, `row ${first + number}, which fsync promised, is not found`);
    }
    const whole = (rows - promised) / BATCH_ROWS;
    say(
      'kill -9',
      `amid inserts: the ${promised} rows that fsync promised are there, and ${whole} whole batches more`,
    );
  } finally {
    await file.close();
  }
}

async function demo(volume: Volume): Promise<void> {
  const sift = loadSift();
  volume.format('256M');
  say('format', 'an image of 256 MiB');
  await volume.mount();
  say('mount', volume.folder);
  showFile(volume.folder);

  const path = join(volume.folder, NAME);
  let file = await openVectors(path, { create: { dimensions: sift.dimensions, elementType: 'float32' } });
  let before: { ids: bigint[]; distances: Float32Array };
  try {
    await showInsert(file, sift);
    before = await showSearch(file, sift);
    showMatrix(path, sift);
    say(
      'vexctl',
      vexctl('info', path)
        .trim()
        .replaceAll('\n', `\n${' '.repeat(12)}`),
    );
  } finally {
    await file.close();
  }

  await volume.unmount();
  await volume.mount();
  file = await openVectors(path);
  try {
    const after = await searchAll(file, sift);
    check(
      Buffer.from(after.distances.buffer).equals(Buffer.from(before.distances.buffer)) &&
        after.ids.every((id, place) => id === before.ids[place]),
      'the results after mounting again differ',
    );
    say('remount', `the same ${after.ids.length} ids and distances, bit for bit`);
  } finally {
    await file.close();
  }

  const promised = await crashWhileInserting(volume, sift);
  await volume.mount();
  await showAfterCrash(volume, sift, promised);
  await volume.unmount();
}

const base = mkdtempSync(join(tmpdir(), 'vexfs-demo-'));
const volume = new Volume(join(base, 'volume.img'), join(base, 'mnt'));
mkdirSync(volume.folder);
let cleaning: Promise<void> | undefined;

function cleanUp(): Promise<void> {
  cleaning ??= volume.remove().then(() => rmSync(base, { recursive: true, force: true }));
  return cleaning;
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => {
    void cleanUp().finally(() => process.exit(130));
  });
}

console.log('\nVexFS, the life of a small volume:');
try {
  await demo(volume);
  console.log('All of it held.');
} catch (error) {
  // After a signal the steps fail because their mount is being taken away.
  if (cleaning === undefined) console.error(`\nThe demo failed: ${(error as Error).message}`);
  process.exitCode = 1;
} finally {
  await cleanUp();
}
