import {
  chmodSync,
  closeSync,
  constants,
  fsyncSync,
  ftruncateSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmdirSync,
  statfsSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { mapFile } from '../../parity/client/mapping.js';
import {
  getEmbedding,
  getMeta,
  getStats,
  insert,
  search,
  setMeta,
} from '../../parity/client/vector_calls.js';
import {
  EXCHANGE,
  fallocate,
  getXattr,
  KEEP_SIZE,
  linkDescriptor,
  listXattr,
  makeNode,
  O_TMPFILE,
  PUNCH_HOLE,
  removeXattr,
  rename2,
  SEEK_HOLE,
  seek,
  setXattr,
  ZERO_RANGE,
} from '../../parity/operations/calls.js';

const DIMENSIONS = 16;
const OVERWRITE = 1;
/** Enough for blocks of the row log when ids are far apart. */
const MANY = 700;

/** Something that allocates memory in the kernel. */
export interface MemoryStep {
  readonly name: string;
  /** What is there before, in a folder of its own. */
  readonly prepare?: (folder: string) => void;
  /** Whether inodes and pages are to be read again. */
  readonly isCold?: boolean;
  /** Does it. Answers the name of an errno, or throws an error with one, where it failed. */
  readonly run: (folder: string) => unknown;
}

function step(
  name: string,
  prepare: MemoryStep['prepare'],
  run: MemoryStep['run'],
  isCold = false,
): MemoryStep {
  return { name, run, isCold, ...(prepare === undefined ? {} : { prepare }) };
}

function withFile<T>(path: string, flags: string | number, use: (fd: number) => T): T {
  const fd = openSync(path, flags);
  try {
    return use(fd);
  } finally {
    closeSync(fd);
  }
}

function file(folder: string): void {
  writeFileSync(join(folder, 'file'), Buffer.alloc(100_000, 5));
}

/** Blocks with holes between them: the tree of extents has nodes. */
function sparse(folder: string): void {
  withFile(join(folder, 'file'), 'w', (fd) => {
    for (let i = 0; i < 300; i++) writeSync(fd, 'block', i * 8192);
  });
}

function names(folder: string): void {
  for (let i = 0; i < 80; i++) writeFileSync(join(folder, `${'name'.repeat(30)} ${i}`), '');
}

function emptyRows(folder: string): void {
  withFile(join(folder, 'rows'), 'w+', (fd) => setMeta(fd, { dimensions: DIMENSIONS }));
}

function insertRows(folder: string, count: number, spread: number, flags = 0): string {
  return withFile(join(folder, 'rows'), 'r+', (fd) =>
    insert(fd, new Float32Array(count * DIMENSIONS).fill(2), {
      dimensions: DIMENSIONS,
      ids: Array.from({ length: count }, (_, i) => i * spread + 1),
      flags,
    }),
  );
}

function rows(folder: string): void {
  emptyRows(folder);
  if (insertRows(folder, MANY, 3) !== 'ok') throw new Error('BATCH_INSERT');
}

function onRows<T>(folder: string, use: (fd: number) => T): T {
  return withFile(join(folder, 'rows'), 'r+', use);
}

function tmpfile(folder: string): unknown {
  return withFile(folder, O_TMPFILE | constants.O_RDWR, (fd) => {
    writeSync(fd, 'content');
    return linkDescriptor(fd, join(folder, 'linked'));
  });
}

function store(folder: string): void {
  withFile(join(folder, 'file'), 'r+', (fd) => {
    const mapping = mapFile(fd, 65_536);
    try {
      for (let at = 0; at < 65_536; at += 4096) mapping.bytes[at] = 9;
      mapping.sync();
    } finally {
      mapping.unmap();
    }
  });
}

const write = (folder: string, flags: string, at: number | null): void =>
  withFile(join(folder, 'file'), flags, (fd) => {
    writeSync(fd, Buffer.alloc(60_000, 8), 0, 60_000, at);
  });
const range = (folder: string, mode: number): unknown =>
  withFile(join(folder, 'file'), 'r+', (fd) => fallocate(fd, mode, 4096 * 3 + 5, 50_000));
const symlink = (folder: string): void => symlinkSync('target/'.repeat(60), join(folder, 'symlink'));

/** Every kind of call that a mounted volume takes. */
export const MEMORY_STEPS: readonly MemoryStep[] = [
  step('create', undefined, (folder) => closeSync(openSync(join(folder, 'new'), 'wx'))),
  step('create among many', names, (folder) => closeSync(openSync(join(folder, 'new'), 'wx')), true),
  step('mkdir', undefined, (folder) => mkdirSync(join(folder, 'made'))),
  step('symlink', undefined, symlink),
  step('mknod', undefined, (folder) => makeNode(join(folder, 'fifo'), 0o010644)),
  step('link', file, (folder) => linkSync(join(folder, 'file'), join(folder, 'other'))),
  step('unlink', file, (folder) => unlinkSync(join(folder, 'file'))),
  step('unlink cold', sparse, (folder) => unlinkSync(join(folder, 'file')), true),
  step('unlink rows', rows, (folder) => unlinkSync(join(folder, 'rows')), true),
  step(
    'rmdir',
    (folder) => mkdirSync(join(folder, 'made')),
    (folder) => rmdirSync(join(folder, 'made')),
  ),
  step('rename', file, (folder) => renameSync(join(folder, 'file'), join(folder, 'other'))),
  step(
    'rename over',
    (folder) => {
      file(folder);
      rows(folder);
    },
    (folder) => renameSync(join(folder, 'file'), join(folder, 'rows')),
    true,
  ),
  step(
    'exchange',
    (folder) => {
      file(folder);
      mkdirSync(join(folder, 'made'));
    },
    (folder) => rename2(join(folder, 'file'), join(folder, 'made'), EXCHANGE),
  ),
  step('tmpfile', undefined, tmpfile),
  step('write a new file', undefined, (folder) => write(folder, 'w', 0)),
  step('append', file, (folder) => write(folder, 'a', null), true),
  step('overwrite', file, (folder) => write(folder, 'r+', 10), true),
  step('write into holes', sparse, (folder) => write(folder, 'r+', 700_000)),
  step('store through a mapping', file, store, true),
  step('store into holes', sparse, store),
  step('read', file, (folder) => readFileSync(join(folder, 'file')), true),
  step('seek', sparse, (folder) => withFile(join(folder, 'file'), 'r', (fd) => seek(fd, 0, SEEK_HOLE)), true),
  step('cut off', sparse, (folder) => truncateSync(join(folder, 'file'), 300_001), true),
  step('grow', file, (folder) => truncateSync(join(folder, 'file'), 3_000_000)),
  step('fallocate', sparse, (folder) => range(folder, KEEP_SIZE)),
  step('punch', file, (folder) => range(folder, PUNCH_HOLE | KEEP_SIZE)),
  step('zero', file, (folder) => range(folder, ZERO_RANGE)),
  step('fsync', undefined, (folder) => {
    file(folder);
    withFile(join(folder, 'file'), 'r+', fsyncSync);
  }),
  step('set an attribute', file, (folder) => setXattr(join(folder, 'file'), 'user.one', 'v'.repeat(900))),
  step(
    'replace an attribute',
    (folder) => {
      file(folder);
      setXattr(join(folder, 'file'), 'user.one', 'first');
    },
    (folder) => setXattr(join(folder, 'file'), 'user.one', 'v'.repeat(90)),
    true,
  ),
  step(
    'read attributes',
    (folder) => {
      file(folder);
      setXattr(join(folder, 'file'), 'user.one', 'first');
    },
    (folder) => [listXattr(join(folder, 'file')), getXattr(join(folder, 'file'), 'user.one')].find(isErrno),
    true,
  ),
  step(
    'remove an attribute',
    (folder) => {
      file(folder);
      setXattr(join(folder, 'file'), 'user.one', 'first');
    },
    (folder) => removeXattr(join(folder, 'file'), 'user.one'),
    true,
  ),
  step('chmod', file, (folder) => chmodSync(join(folder, 'file'), 0o600), true),
  step('utimes', file, (folder) => utimesSync(join(folder, 'file'), 1, 2), true),
  step('list', names, (folder) => readdirSync(folder), true),
  step('stat', rows, (folder) => lstatSync(join(folder, 'rows')), true),
  step('readlink', symlink, (folder) => readlinkSync(join(folder, 'symlink')), true),
  step('statfs', undefined, (folder) => statfsSync(folder)),
  step('SET_VECTOR_META', file, (folder) =>
    withFile(join(folder, 'file'), 'r+', (fd) => setMeta(fd, { dimensions: DIMENSIONS, dataOffset: 128 })),
  ),
  step('GET_VECTOR_META', rows, (folder) => onRows(folder, (fd) => getMeta(fd).outcome), true),
  step('GET_STATS', rows, (folder) => onRows(folder, (fd) => getStats(fd).outcome), true),
  step('BATCH_INSERT first', emptyRows, (folder) => insertRows(folder, MANY, 2)),
  step('BATCH_INSERT cold', rows, (folder) => insertRows(folder, 5, 1_000_003), true),
  step('BATCH_INSERT overwriting', rows, (folder) => insertRows(folder, 400, 3, OVERWRITE), true),
  step(
    'VECTOR_SEARCH',
    rows,
    (folder) => onRows(folder, (fd) => search(fd, new Float32Array(DIMENSIONS), { k: 100 }).outcome),
    true,
  ),
  step(
    'GET_EMBEDDING',
    rows,
    (folder) =>
      onRows(folder, (fd) => getEmbedding(fd, { id: 4, room: 64, data: 'own', elementType: 1 }).outcome),
    true,
  ),
  step('append rows', rows, (folder) => {
    withFile(join(folder, 'rows'), 'a', (fd) => writeSync(fd, Buffer.alloc(64 * 30, 1)));
  }),
  step('cut off rows', rows, (folder) => onRows(folder, (fd) => ftruncateSync(fd, 64 * 100)), true),
];

const ERRNO = /^E[A-Z0-9]+$/;

export function isErrno(answer: unknown): answer is string {
  return typeof answer === 'string' && ERRNO.test(answer);
}
