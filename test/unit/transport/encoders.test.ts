import {
  type Attributes,
  appendDirent,
  appendDirentOnly,
  appendDirentPlus,
  attr,
  type DirectoryEntry,
  dirent,
  ENTRY_ATTR_OFFSET,
  EXPIRE_ONLY,
  encodeAttrOut,
  encodeDelete,
  encodeEntryOut,
  encodeInvalEntry,
  encodeInvalInode,
  encodeNoEntry,
  encodeReplyHeader,
  encodeStatfsOut,
  encodeStatxOut,
  encodeStore,
  entryOut,
  expectsReply,
  FULL,
  kstatfs,
  minimumRequest,
  NOTIFY,
  nameEnd,
  OPCODE,
  opcodeName,
  outHeader,
  statx,
  timeout,
} from '@vexfs/fuse/protocol';
import test from 'ava';

/** A block filled with 0xaa, so that a byte that an encoder leaves alone shows. */
function block(length: number): { bytes: Uint8Array; view: DataView } {
  const bytes = new Uint8Array(length).fill(0xaa);
  return { bytes, view: new DataView(bytes.buffer) };
}

const attributes: Attributes = {
  ino: 2 ** 52 + 3,
  size: 2 ** 40 + 7,
  blocks: 99,
  atime: -1,
  mtime: 2 ** 33,
  ctime: 0,
  atimensec: 999999999,
  mtimensec: 1,
  ctimensec: 2,
  mode: 0o100640,
  nlink: 3,
  uid: 4294967294,
  gid: 1000,
  rdev: 0x12345678,
  blksize: 4096,
};

test('attributes keep negative times, 64-bit sizes and the largest ids', (t) => {
  const { bytes, view } = block(104 + 8);
  t.is(encodeAttrOut(view, 0, attributes, timeout(1.5)), 104);
  t.is(view.getBigUint64(0, true), 1n);
  t.is(view.getUint32(8, true), 500000000);
  t.is(view.getBigUint64(16, true), BigInt(attributes.ino));
  t.is(view.getBigUint64(24, true), BigInt(attributes.size));
  t.is(view.getBigInt64(16 + attr.atime.offset, true), -1n);
  t.is(view.getBigInt64(16 + attr.mtime.offset, true), 2n ** 33n);
  t.is(attr.uid.get(view, 16), 4294967294);
  t.is(attr.flags.get(view, 16), 0);
  t.deepEqual([...bytes.subarray(104)], Array(8).fill(0xaa));
});

test('a timeout is split exactly and never leaves the range that kernels can hold', (t) => {
  t.deepEqual(timeout(0), { seconds: 0, nanoseconds: 0 });
  t.deepEqual(timeout(0.25), { seconds: 0, nanoseconds: 250000000 });
  t.deepEqual(timeout(Number.POSITIVE_INFINITY), { seconds: 0x7fffffff, nanoseconds: 0 });
  t.deepEqual(timeout(-1), { seconds: 0, nanoseconds: 0 });
});

test('an entry carries node, generation, both timeouts and the attributes', (t) => {
  const { view } = block(128);
  t.is(encodeEntryOut(view, 0, 77, 5, attributes, timeout(2), timeout(3)), 128);
  t.is(entryOut.nodeid.get(view, 0), 77);
  t.is(entryOut.generation.get(view, 0), 5);
  t.is(entryOut.entry_valid.get(view, 0), 2);
  t.is(entryOut.attr_valid.get(view, 0), 3);
  t.is(attr.mode.get(view, ENTRY_ATTR_OFFSET), 0o100640);
});

test('a negative entry is zero but for its timeout', (t) => {
  const { bytes, view } = block(128);
  encodeNoEntry(view, 0, timeout(9));
  t.is(entryOut.entry_valid.get(view, 0), 9);
  entryOut.entry_valid.set(view, 0, 0);
  t.true(bytes.every((byte) => byte === 0));
});

test('statfs counts fragments in blocks and clears what is reserved', (t) => {
  const { bytes, view } = block(80);
  const counts = { blocks: 2 ** 45, bfree: 2, bavail: 1, files: 4, ffree: 3, bsize: 4096, namelen: 255 };
  t.is(encodeStatfsOut(view, 0, counts), 80);
  t.is(kstatfs.blocks.get(view, 0), 2 ** 45);
  t.is(kstatfs.frsize.get(view, 0), 4096);
  t.true(bytes.subarray(52).every((byte) => byte === 0));
});

test('statx splits the device number as the kernel encodes it', (t) => {
  const { view } = block(288);
  t.is(encodeStatxOut(view, 0, { ...attributes, btime: -7, btimensec: 8 }, timeout(0)), 288);
  // new_encode_dev(MKDEV(0x456, 0x12378)): minor & 0xff | major << 8 | (minor & ~0xff) << 12.
  t.is(statx.rdev_major.get(view, 32), 0x456);
  t.is(statx.rdev_minor.get(view, 32), 0x12378);
  t.is(statx.btime.get(view, 32), -7);
  t.is(statx.mask.get(view, 32), 0xfff);
});

const entry = (name: Uint8Array): DirectoryEntry => ({
  ino: 42,
  cookieHigh: 0x7fffffff,
  cookieLow: 0xfffffff1,
  type: 8,
  name,
});

test('directory entries are padded with zeros to 8 bytes and carry all 64 bits of the cookie', (t) => {
  for (const [length, size] of [
    [1, 32],
    [8, 32],
    [9, 40],
    [255, 280],
  ] as const) {
    const target = block(400);
    const name = new Uint8Array(length).fill(0xff);
    t.is(appendDirent(target, 0, 400, entry(name)), size);
    t.is(target.view.getBigUint64(dirent.off.offset, true), 0x7ffffffffffffff1n);
    t.is(dirent.namelen.get(target.view, 0), length);
    t.deepEqual(target.bytes.subarray(24, 24 + length), name);
    t.true(target.bytes.subarray(24 + length, size).every((byte) => byte === 0));
    t.is(target.bytes[size], 0xaa);
  }
});

test('an entry that does not fit whole is not written at all', (t) => {
  const name = new Uint8Array(9).fill(1);
  for (const [append, size] of [
    [appendDirent, 40],
    [appendDirentOnly, 168],
  ] as const) {
    const target = block(512);
    t.is(append(target, 16, 16 + size - 1, entry(name)), FULL);
    t.true(target.bytes.every((byte) => byte === 0xaa));
    t.is(append(target, 16, 16 + size, entry(name)), 16 + size);
  }
  const target = block(512);
  const plus = (limit: number) =>
    appendDirentPlus(target, 0, limit, entry(name), 42, 1, attributes, timeout(1), timeout(1));
  t.is(plus(167), FULL);
  t.true(target.bytes.every((byte) => byte === 0xaa));
  t.is(plus(168), 168);
  t.is(entryOut.nodeid.get(target.view, 0), 42);
});

test('. and .. in READDIRPLUS name no node, so the kernel counts no lookup', (t) => {
  const target = block(512);
  t.is(appendDirentOnly(target, 0, 512, entry(Buffer.from('..'))), 160);
  t.is(entryOut.nodeid.get(target.view, 0), 0);
  t.is(dirent.ino.get(target.view, 128), 42);
});

test('notifications have unique 0, their code as the error and names that end with a NUL', (t) => {
  const target = block(256);
  const { bytes, view } = target;
  const header = (length: number, code: number) => {
    t.is(outHeader.len.get(view, 0), length);
    t.is(outHeader.error.get(view, 0), code);
    t.is(view.getBigUint64(8, true), 0n);
  };
  t.is(encodeInvalInode(view, 0, 9, -1, 0), 40);
  header(40, NOTIFY.INVAL_INODE);
  t.is(view.getBigInt64(24, true), -1n);

  const name = Buffer.from([0xc3, 0x28, 0x41]);
  t.is(encodeInvalEntry(target, 0, 1, name, EXPIRE_ONLY), 16 + 16 + 4);
  header(36, NOTIFY.INVAL_ENTRY);
  t.deepEqual([...bytes.subarray(32, 36)], [...name, 0]);

  t.is(encodeDelete(target, 0, 1, 9, name), 16 + 24 + 4);
  header(44, NOTIFY.DELETE);
  t.deepEqual([...bytes.subarray(40, 44)], [...name, 0]);

  t.is(encodeStore(view, 0, 9, 2 ** 41, 1000), 40);
  header(1040, NOTIFY.STORE);
  t.is(view.getBigUint64(24, true), 2n ** 41n);
});

test('a reply header holds the unique of the request and a negative errno', (t) => {
  const { view } = block(32);
  t.is(encodeReplyHeader(view, 0, 2 ** 50 + 2, -2, 0), 16);
  t.is(view.getBigUint64(8, true), 2n ** 50n + 2n);
  t.is(view.getInt32(4, true), -2);
  t.is(encodeReplyHeader(view, 0, 4, 0, 104), 120);
  t.is(view.getUint32(0, true), 120);
});

test('a name ends at its NUL inside the request, and an empty or endless one is refused', (t) => {
  const bytes = Buffer.from('ab\0\0cd');
  t.is(nameEnd(bytes, 0, 6), 2);
  t.is(nameEnd(bytes, 3, 6), -1);
  t.is(nameEnd(bytes, 4, 6), -1);
  t.is(nameEnd(bytes, 0, 2), -1);
});

test('requests without arguments need their header only, and three opcodes get no reply', (t) => {
  t.is(minimumRequest(OPCODE.STATFS), 40);
  t.is(minimumRequest(OPCODE.WRITE), 80);
  t.is(minimumRequest(OPCODE.RENAME), 40 + 8 + 4);
  t.is(minimumRequest(9999), 40);
  const silent = Object.values(OPCODE).filter((opcode) => !expectsReply(opcode));
  t.deepEqual(silent.map(opcodeName), ['FORGET', 'INTERRUPT', 'BATCH_FORGET']);
  t.is(opcodeName(9999), 'opcode 9999');
});
