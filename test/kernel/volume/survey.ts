import { createHash } from 'node:crypto';
import { closeSync, lstatSync, opendirSync, openSync, readFileSync, readlinkSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { IndexOperation } from '@vexfs/shared';
import { manage } from '../../parity/client/index_calls.js';
import { getEmbedding, getMeta, getStats, search } from '../../parity/client/vector_calls.js';
import {
  getXattr,
  ioctlBytes,
  listXattr,
  SEEK_DATA,
  SEEK_HOLE,
  seek,
} from '../../parity/operations/calls.js';

/** FS_IOC_GETFLAGS, include/uapi/linux/fs.h. */
const GETFLAGS = 0x80086601;
const MOST_SEGMENTS = 1_000;
/** Counters since the mount: they say nothing of the volume. */
const COUNTERS = new Set(['searches', 'rows_scanned', 'insert_calls', 'rows_inserted']);

/** Everything that a program can learn of a volume, by path; values are plain JSON. */
export type Survey = Record<string, unknown>;

/** Looks at all there is below a folder. Changes nothing but access times, which are left out. */
export function survey(root: string): Survey {
  const found: Survey = { statfs: space(root) };
  visit(root, '', found);
  return found;
}

/** A part of two surveys that is not alike, as JSON. */
export interface Difference {
  readonly at: string;
  readonly mine: string | undefined;
  readonly theirs: string | undefined;
}

const isTree = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;

/** The innermost parts that differ, by where they are. */
export function differences(mine: unknown, theirs: unknown, at: string): Difference[] {
  if (isTree(mine) && isTree(theirs)) {
    const names = new Set([...Object.keys(mine), ...Object.keys(theirs)]);
    return [...names].flatMap((name) => differences(mine[name], theirs[name], `${at} ${name}`));
  }
  const [one, other] = [JSON.stringify(mine), JSON.stringify(theirs)];
  return one === other ? [] : [{ at, mine: one, theirs: other }];
}

function space(root: string): unknown {
  const { bsize, blocks, bfree, bavail, files, ffree } = statfsSync(root);
  return { bsize, blocks, bfree, bavail, files, ffree };
}

function visit(root: string, path: string, found: Survey): void {
  const full = join(root, path);
  const stat = lstatSync(full, { bigint: true });
  const { mode, nlink, uid, gid, rdev, ino, size, blksize, blocks, mtimeNs, ctimeNs, birthtimeNs } = stat;
  const numbers = { mode, nlink, uid, gid, rdev, ino, size, blksize, blocks, mtimeNs, ctimeNs, birthtimeNs };
  const about: Record<string, unknown> = { ...strings(numbers), xattrs: attributes(full) };
  found[path] = about;
  if (stat.isSymbolicLink()) {
    about.target = readlinkSync(full, 'buffer').toString('latin1');
  } else if (stat.isDirectory()) {
    const names = namesIn(full);
    about.names = names;
    for (const name of names) visit(root, join(path, name), found);
  } else if (stat.isFile()) {
    Object.assign(about, content(full, Number(size)));
  }
}

function strings(numbers: Record<string, bigint>): Record<string, string> {
  return Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, String(value)]));
}

/** In the order in which the volume gives them. */
function namesIn(folder: string): string[] {
  const names: string[] = [];
  const directory = opendirSync(folder);
  for (let entry = directory.readSync(); entry !== null; entry = directory.readSync()) names.push(entry.name);
  directory.closeSync();
  return names;
}

function attributes(path: string): unknown {
  const names = listXattr(path);
  if (typeof names === 'string') return names;
  return names.map((name) => {
    const value = getXattr(path, name);
    return [name, typeof value === 'string' ? value : value.toString('hex')];
  });
}

function content(path: string, size: number): Record<string, unknown> {
  const fd = openSync(path, 'r');
  try {
    const flags = Buffer.alloc(8);
    const outcome = ioctlBytes(fd, GETFLAGS, flags);
    return {
      sha256: createHash('sha256').update(readFileSync(fd)).digest('hex'),
      segments: segments(fd, size),
      flags: outcome === 0 ? flags.readUInt32LE(0) : outcome,
      vectors: vectors(fd),
    };
  } finally {
    closeSync(fd);
  }
}

/** Where data begins and ends. */
function segments(fd: number, size: number): unknown[] {
  const list: unknown[] = [];
  for (let at = 0; at < size && list.length < MOST_SEGMENTS; ) {
    const data = seek(fd, at, SEEK_DATA);
    list.push(data);
    if (typeof data === 'string') break;
    const hole = seek(fd, data, SEEK_HOLE);
    list.push(hole);
    if (typeof hole === 'string' || hole <= at) break;
    at = hole;
  }
  return list;
}

function vectors(fd: number): unknown {
  const meta = getMeta(fd);
  if (meta.outcome !== 'ok') return meta.outcome;
  // An index is made behind the first look at the rows.
  manage(fd, IndexOperation.WAIT);
  const { stats } = getStats(fd);
  const kept = Object.fromEntries(Object.entries(stats).filter(([name]) => !COUNTERS.has(name)));
  return { meta, stats: kept, searches: searches(fd, meta.dimensions), rows: rows(fd, meta.dimensions) };
}

/** A query that is the same everywhere: small whole numbers and fractions, of both signs. */
function query(dimensions: number, seed: number): Float32Array {
  let state = seed;
  return Float32Array.from({ length: dimensions }, () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return ((state >>> 16) % 256) / 4 - 32;
  });
}

function bitsOf(distance: number): string {
  const view = new DataView(new ArrayBuffer(4));
  view.setFloat32(0, distance);
  return view.getUint32(0).toString(16);
}

function searches(fd: number, dimensions: number): unknown[] {
  const answers: unknown[] = [];
  for (const type of [0, 1, 2]) {
    for (const [k, seed] of [
      [1, 1],
      [10, 2],
      [3_000, 3],
    ] as const) {
      const { outcome, count, hits } = search(fd, query(dimensions, seed), { type, k });
      answers.push({ outcome, count, hits: hits.map(({ id, distance }) => `${id} ${bitsOf(distance)}`) });
    }
  }
  answers.push(search(fd, query(dimensions, 1), { k: 0 }).outcome);
  answers.push(search(fd, query(dimensions, 1), { k: 10_001 }).outcome);
  answers.push(search(fd, query(dimensions + 1, 1), { k: 1 }).outcome);
  answers.push(search(fd, query(dimensions, 1), { k: 1, type: 3 }).outcome);
  answers.push(search(fd, query(dimensions, 1), { k: 1, queryAddress: 0x1000 }).outcome);
  answers.push(search(fd, new Float32Array(dimensions).fill(Number.NaN), { k: 1 }).outcome);
  return answers;
}

function rows(fd: number, dimensions: number): unknown[] {
  const room = dimensions * 4;
  return [0, 1, 7, 499, 12_345, 2 ** 40].flatMap((id) =>
    [{ data: 'own' as const }, { data: 'own' as const, elementType: 1 }, { room: 0 }, { elementType: 9 }].map(
      (way) => {
        const { bytes, ...row } = getEmbedding(fd, { id, room, inlineBytes: 0, ...way });
        const delivered = row.outcome === 'ok' && way.room !== 0;
        return { ...row, sha256: delivered ? createHash('sha256').update(bytes).digest('hex') : '' };
      },
    ),
  );
}
