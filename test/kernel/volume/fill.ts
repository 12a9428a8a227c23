import {
  chmodSync,
  chownSync,
  closeSync,
  ftruncateSync,
  linkSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { insert, type Layout, setMeta } from '../../parity/client/vector_calls.js';
import {
  fallocate,
  ioctlBytes,
  KEEP_SIZE,
  makeNode,
  PUNCH_HOLE,
  setTimes,
  setXattr,
} from '../../parity/operations/calls.js';

const SETFLAGS = 0x40086602;
const NODUMP = 0x40;
const NOATIME = 0x80;
const S_IFIFO = 0o010000;
const S_IFCHR = 0o020000;

function must(outcome: number | string, what: string): void {
  if (outcome !== 'ok' && typeof outcome === 'string') throw new Error(`${what}: ${outcome}`);
}

/** Puts one of everything that the format knows onto a mounted volume. Needs root. */
export function fill(root: string): void {
  names(root);
  contents(join(root, 'contents'));
  attributes(join(root, 'attributes'));
  vectors(join(root, 'vectors'));
}

function names(root: string): void {
  const many = join(root, 'many');
  mkdirSync(many);
  for (let i = 0; i < 3_000; i++) writeFileSync(join(many, `name-${i}`), i % 10 === 0 ? `${i}` : '');
  for (let i = 0; i < 3_000; i += 3) unlinkSync(join(many, `name-${i}`));
  const deep = join(root, ...'abcdefghij');
  mkdirSync(deep, { recursive: true });
  writeFileSync(join(deep, 'n'.repeat(255)), 'long');
  mkdirSync(join(root, 'empty'));
  const emptied = join(root, 'emptied');
  mkdirSync(emptied);
  writeFileSync(join(emptied, 'gone'), '');
  rmSync(join(emptied, 'gone'));
  linkSync(join(deep, 'n'.repeat(255)), join(root, 'hard link'));
  symlinkSync('hard link', join(root, 'short'));
  symlinkSync('x'.repeat(112), join(root, 'still short'));
  symlinkSync('y'.repeat(113), join(root, 'long'));
  symlinkSync('z/'.repeat(2_047), join(root, 'longest'));
  must(makeNode(join(root, 'pipe'), S_IFIFO | 0o600), 'mknod');
  must(makeNode(join(root, 'device'), S_IFCHR | 0o640, 0x1_2345), 'mknod');
  mkdirSync(join(root, 'from/below'), { recursive: true });
  renameSync(join(root, 'from/below'), join(root, 'empty/moved'));
}

function contents(folder: string): void {
  mkdirSync(folder);
  const at = (name: string): string => join(folder, name);
  writeFileSync(at('nothing'), '');
  writeFileSync(at('one'), '1');
  writeFileSync(at('pages'), Buffer.alloc(10_000, 'pages'));
  writeFileSync(at('large'), Buffer.alloc(3 << 20, 'some megabytes '));
  const sparse = openSync(at('sparse'), 'w+');
  writeSync(sparse, 'front', 0);
  writeSync(sparse, 'middle', 5_000_000);
  ftruncateSync(sparse, 9_000_001);
  closeSync(sparse);
  const ahead = openSync(at('ahead'), 'w+');
  must(fallocate(ahead, 0, 0, 300_000), 'fallocate');
  must(fallocate(ahead, KEEP_SIZE, 300_000, 500_000), 'fallocate');
  writeSync(ahead, Buffer.alloc(9_000, 'w'), 0, 9_000, 100_000);
  closeSync(ahead);
  const punched = openSync(at('punched'), 'w+');
  writeSync(punched, Buffer.alloc(400_000, 'p'));
  must(fallocate(punched, KEEP_SIZE | PUNCH_HOLE, 50_000, 200_000), 'fallocate');
  closeSync(punched);
  // Two files that grow in turn lie in pieces: their trees have more than a root.
  const left = openSync(at('left'), 'w+');
  const right = openSync(at('right'), 'w+');
  for (let i = 0; i < 900; i++) {
    writeSync(left, Buffer.alloc(4_096, `l${i}`), 0, 4_096, i * 8_192);
    writeSync(right, Buffer.alloc(4_096, `r${i}`), 0, 4_096, (900 - i) * 8_192);
  }
  closeSync(left);
  closeSync(right);
}

/** ACL_USER_OBJ rwx, ACL_USER 1000 r--, ACL_GROUP_OBJ r-x, ACL_MASK r-x, ACL_OTHER ---: posix_acl_xattr.h. */
function acl(): Buffer {
  const entries = [
    [0x01, 7, 0xffff_ffff],
    [0x02, 4, 1000],
    [0x04, 5, 0xffff_ffff],
    [0x10, 5, 0xffff_ffff],
    [0x20, 0, 0xffff_ffff],
  ] as const;
  const bytes = Buffer.alloc(4 + entries.length * 8);
  bytes.writeUInt32LE(2, 0);
  entries.forEach(([tag, permissions, id], i) => {
    bytes.writeUInt16LE(tag, 4 + i * 8);
    bytes.writeUInt16LE(permissions, 6 + i * 8);
    bytes.writeUInt32LE(id, 8 + i * 8);
  });
  return bytes;
}

function attributes(folder: string): void {
  mkdirSync(folder);
  const at = (name: string): string => join(folder, name);
  writeFileSync(at('file'), 'attributes');
  must(setXattr(at('file'), 'user.empty', ''), 'user.empty');
  must(setXattr(at('file'), 'user.text', 'some text'), 'user.text');
  must(setXattr(at('file'), 'user.large', Buffer.alloc(600, 7)), 'user.large');
  must(setXattr(at('file'), 'trusted.of', 'root'), 'trusted.of');
  must(setXattr(at('file'), 'security.label', 'label\0'), 'security.label');
  must(setXattr(at('file'), 'system.posix_acl_access', acl()), 'access ACL');
  must(setXattr(folder, 'system.posix_acl_default', acl()), 'default ACL');
  mkdirSync(at('inherits'));
  writeFileSync(at('owned'), '');
  chownSync(at('owned'), 70_000, 80_000);
  chmodSync(at('owned'), 0o6751);
  writeFileSync(at('flags'), 'flags');
  const fd = openSync(at('flags'), 'r');
  const flags = Buffer.alloc(8);
  flags.writeUInt32LE(NODUMP | NOATIME, 0);
  must(ioctlBytes(fd, SETFLAGS, flags), 'FS_IOC_SETFLAGS');
  closeSync(fd);
  writeFileSync(at('old'), '');
  const early = { seconds: -1_000_000_000, nanoseconds: 999_999_999 };
  must(setTimes(at('old'), early, early), 'utimensat');
  writeFileSync(at('late'), '');
  const late = { seconds: 2 ** 40, nanoseconds: 1 };
  must(setTimes(at('late'), late, late), 'utimensat');
}

function values(dimensions: number, count: number, seed: number): Float32Array {
  let state = seed;
  return Float32Array.from({ length: dimensions * count }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return ((state >>> 8) % 4_001) / 16 - 125;
  });
}

interface Rows {
  readonly layout: Layout;
  readonly count: number;
  /** Batches of one row each that go to ids spread over all of them. */
  readonly overwrites?: number;
  /** Rows that remain after a truncation. */
  readonly keep?: number;
}

const FILES: Readonly<Record<string, Rows>> = {
  'float32 of 128': { layout: { dimensions: 128 }, count: 3_000 },
  'float32 of 3': { layout: { dimensions: 3 }, count: 2_000, overwrites: 500 },
  'float32 of 20000': { layout: { dimensions: 20_000 }, count: 5, overwrites: 3 },
  'one of 65536': { layout: { dimensions: 65_536 }, count: 2 },
  'float16 of 100': { layout: { dimensions: 100, elementType: 2 }, count: 500, keep: 123 },
  'int8 of 77': { layout: { dimensions: 77, elementType: 3, alignment: 64 }, count: 700, overwrites: 20 },
  'binary of 1001': { layout: { dimensions: 1_001, elementType: 4 }, count: 600, overwrites: 10, keep: 590 },
  'behind a header': { layout: { dimensions: 16, dataOffset: 128 }, count: 100, overwrites: 100 },
  'on pages': { layout: { dimensions: 24, alignment: 4_096 }, count: 50, overwrites: 5 },
  'without rows': { layout: { dimensions: 8 }, count: 0 },
};

function vectors(folder: string): void {
  mkdirSync(folder);
  for (const [name, file] of Object.entries(FILES)) vectorFile(join(folder, name), file);
  // Rows that plain writes made.
  const fd = openSync(join(folder, 'adopted'), 'w+');
  writeSync(fd, new Uint8Array(values(4, 1_000, 9).buffer));
  must(setMeta(fd, { dimensions: 4 }), 'SET_VECTOR_META');
  writeSync(fd, new Uint8Array(values(4, 10, 10).buffer));
  closeSync(fd);
}

function vectorFile(path: string, { layout, count, overwrites = 0, keep }: Rows): void {
  const { dimensions } = layout;
  // INT8 takes -128 to 127, which all values fit.
  const fd = openSync(path, 'w+');
  must(setMeta(fd, layout), `SET_VECTOR_META of ${path}`);
  if (count > 0)
    must(insert(fd, values(dimensions, count, dimensions), { dimensions }), `BATCH_INSERT to ${path}`);
  for (let i = 0; i < overwrites; i++) {
    const ids = [(i * 7) % count];
    must(insert(fd, values(dimensions, 1, i), { dimensions, ids, flags: 1 }), `BATCH_INSERT to ${path}`);
  }
  if (keep !== undefined) {
    const bits = [32, 32, 16, 8, 1][layout.elementType ?? 1]!;
    ftruncateSync(fd, keep * Math.ceil((dimensions * bits) / 8) + 1);
  }
  closeSync(fd);
}
