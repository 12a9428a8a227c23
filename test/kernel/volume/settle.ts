import { closeSync, fstatSync, fsyncSync, opendirSync, openSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { IndexOperation } from '@vexfs/shared';
import { manage } from '../../parity/client/index_calls.js';
import { getMeta, getStats } from '../../parity/client/vector_calls.js';

const LOOK_MS = 25;
/** Looks that have to be alike, and at most. */
const ALIKE = 4;
const MOST_LOOKS = 800;

function vectorFiles(folder: string): string[] {
  const found: string[] = [];
  const directory = opendirSync(folder);
  for (let entry = directory.readSync(); entry !== null; entry = directory.readSync()) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) found.push(...vectorFiles(path));
    else if (entry.isFile() && hasVectors(path)) found.push(path);
  }
  directory.closeSync();
  return found;
}

function withFile<Result>(path: string, work: (fd: number) => Result): Result {
  const fd = openSync(path, 'r');
  try {
    return work(fd);
  } finally {
    closeSync(fd);
  }
}

const hasVectors = (path: string): boolean => withFile(path, (fd) => getMeta(fd).outcome === 'ok');

/** What moves while the space of deleted rows is given back, when everything before is durable and the index has it. */
const looks = (path: string): string =>
  withFile(path, (fd) => {
    fsyncSync(fd);
    manage(fd, IndexOperation.WAIT);
    const { slots, free_slots, log_records, indexed_rows } = getStats(fd).stats;
    return `${slots} ${free_slots} ${log_records} ${indexed_rows} ${fstatSync(fd).blocks}`;
  });

/** Waits until a mounted volume has done what it does by itself behind changes: nothing moves below the folder any more. */
export async function settle(folder: string): Promise<void> {
  const paths = vectorFiles(folder);
  if (paths.length === 0) return;
  let before = '';
  for (let i = 0, alike = 0; alike < ALIKE; i++) {
    if (i === MOST_LOOKS) throw new Error(`vector files go on changing by themselves: ${before}`);
    const now = [...paths.map(looks), statfsSync(folder).bfree].join(', ');
    alike = now === before ? alike + 1 : 0;
    before = now;
    await sleep(LOOK_MS);
  }
}
