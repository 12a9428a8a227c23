import { type JournalArea, JournalError, journalSuperblock, openJournal } from '@vexfs/fuse/journal';
import { crc32c, Errno } from '@vexfs/shared';
import test from 'ava';
import type { MemoryDevice } from './memory-device.js';
import { makeVolume, UUID } from './scratch-volume.js';

/** A new journal whose superblock has one 32-bit field changed and its checksum made right. */
function patched(offset: number, value: number): { device: MemoryDevice; area: JournalArea } {
  const { device, area } = makeVolume(1024, 1024, 16);
  const at = area.start * area.blockSize;
  const view = new DataView(device.bytes.buffer, at, 1024);
  view.setUint32(offset, value);
  view.setUint32(252, 0);
  view.setUint32(252, crc32c(0xffffffff, device.bytes.subarray(at, at + 1024)));
  return { device, area };
}

test('a new journal superblock is the one jbd2 knows, byte for byte', (t) => {
  const block = journalSuperblock({ blocks: 2048, blockSize: 4096, uuid: UUID });
  const view = new DataView(block.buffer);
  t.is(block.length, 4096);
  t.deepEqual(
    [0, 4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 44].map((at) => view.getUint32(at)),
    [0xc03b3998, 4, 0, 4096, 2048, 1, 1, 0, 0, 0, 0x13, 0],
  );
  t.deepEqual(block.slice(48, 64), UUID);
  t.is(view.getUint32(64), 1);
  t.is(block[80], 4);
  const sum = view.getUint32(252);
  view.setUint32(252, 0);
  t.is(sum, crc32c(0xffffffff, block.subarray(0, 1024)));
});

test('a new journal opens clean', (t) => {
  const { device, area } = makeVolume(4096, 1500, 16);
  const state = openJournal(device, area);
  t.deepEqual(
    {
      first: state.first,
      last: state.last,
      start: state.start,
      sequence: state.sequence,
      errno: state.errno,
    },
    { first: 1, last: 1500, start: 0, sequence: 1, errno: 0 },
  );
  t.deepEqual(state.uuid, UUID);
});

const refusals: [string, number, number, number, RegExp][] = [
  ['another magic', 0, 0xc03b3999, Errno.EUCLEAN, /magic/],
  ['a version 1 superblock', 4, 3, Errno.EUCLEAN, /type is 3/],
  ['another block size', 12, 4096, Errno.EUCLEAN, /block size is 4096, that of the volume 1024/],
  ['more blocks than the area', 16, 1025, Errno.EUCLEAN, /claims 1025 blocks where there are 1024/],
  ['fewer than 1024 blocks', 16, 1023, Errno.EUCLEAN, /too short/],
  ['a log that begins at the superblock', 20, 0, Errno.EUCLEAN, /too short/],
  ['a log that begins too late', 20, 2, Errno.EUCLEAN, /too short/],
  ['a tail behind the log', 28, 1024, Errno.EUCLEAN, /starts at block 1024, outside 1 to 1023/],
  ['the older checksum feature', 36, 1, Errno.EOPNOTSUPP, /compat 0x1/],
  ['a missing REVOKE', 40, 0x12, Errno.EOPNOTSUPP, /incompat 0x12/],
  ['asynchronous commits', 40, 0x17, Errno.EOPNOTSUPP, /incompat 0x17/],
  ['fast commits', 40, 0x33, Errno.EOPNOTSUPP, /incompat 0x33/],
  ['an unknown read-only feature', 44, 1, Errno.EOPNOTSUPP, /ro_compat 0x1/],
  ['another checksum', 80, 0x01000000, Errno.EOPNOTSUPP, /checksum type is 1/],
];

for (const [what, offset, value, errno, message] of refusals) {
  test(`a journal superblock with ${what} is refused`, (t) => {
    const { device, area } = patched(offset, value);
    const error = t.throws(() => openJournal(device, area), { instanceOf: JournalError });
    t.is(error.errno, errno);
    t.regex(error.message, message);
  });
}

test('the errno of an aborted journal is reported as a positive number', (t) => {
  const { device, area } = patched(32, 0xfffffffb);
  t.is(openJournal(device, area).errno, Errno.EIO);
});

test('an area that cannot be a journal is refused before it is read', (t) => {
  const { device, area } = makeVolume(1024, 1024, 16);
  for (const wrong of [
    { blocks: 1023 },
    { start: -1 },
    { start: 0.5 },
    { start: 100 },
    { blockSize: 512 },
    { blockSize: 3000 },
    { blockSize: 131072 },
  ]) {
    const error = t.throws(() => openJournal(device, { ...area, ...wrong }), { instanceOf: JournalError });
    t.is(error.errno, Errno.EINVAL);
  }
});

test('no superblock is made for a journal that jbd2 would not mount', (t) => {
  const good = { blocks: 1024, blockSize: 4096, uuid: UUID };
  for (const wrong of [
    { blocks: 1023 },
    { blocks: 2 ** 32 },
    { blockSize: 512 },
    { uuid: new Uint8Array(15) },
  ]) {
    t.throws(() => journalSuperblock({ ...good, ...wrong }), { instanceOf: JournalError });
  }
});
