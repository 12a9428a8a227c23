import { JournalWriter, recover } from '@vexfs/fuse/journal';
import { createInode, lookupName, Volume } from '@vexfs/fuse/volume';
import test from 'ava';
import { annotate } from '../../fixtures/golden/annotate.js';
import { GOLDEN, goldenImage, goldenText, ImageDevice } from '../../fixtures/golden/images.js';
import { contentVolume, emptyVolume, journalVolume } from '../../fixtures/golden/volumes.js';
import { siphash, WrittenVolume } from './written_content.js';

const name = (text: string): Uint8Array => new TextEncoder().encode(text);

for (const image of GOLDEN) {
  test(`the annotation of ${image} is what a walk over the image gives`, (t) => {
    const text = annotate(goldenImage(image));
    t.false(text.includes('WRONG'));
    t.is(text, goldenText(image));
  });
}

test('a changed byte in any annotated structure changes the annotation', (t) => {
  const image = goldenImage('empty-1k');
  const expected = goldenText('empty-1k');
  const places = [...expected.matchAll(/^0x([0-9a-f]{8}) /gm)].map((match) => Number.parseInt(match[1]!, 16));
  t.true(places.length > 80);
  for (const place of places) {
    image[place]! ^= 0x10;
    // A walk that is led astray may also end in an error; either way the change is seen.
    let text: string;
    try {
      text = annotate(image);
    } catch (error) {
      text = String(error);
    }
    t.not(text, expected, `byte ${place}`);
    image[place]! ^= 0x10;
  }
});

test('today the format code makes the empty image byte for byte', (t) => {
  t.is(Buffer.compare(emptyVolume(), goldenImage('empty-1k')), 0);
});

test('the other images made today hold structures with right sums', (t) => {
  for (const image of [contentVolume(), journalVolume()]) {
    const text = annotate(image);
    t.false(text.includes('WRONG'));
    t.true(text.includes('vexfs_directory_entry'));
  }
});

test('the SipHash of the second reading gives the value of the paper', (t) => {
  const bytes = Uint8Array.from({ length: 16 }, (_, i) => i);
  t.is(siphash(bytes, bytes.subarray(0, 15)), 0xa129ca6149be45e5n);
});

test('a second reading finds the directories, files and links of content-4k', (t) => {
  const volume = new WrittenVolume(goldenImage('content-4k'));
  const root = volume.entries(1);
  t.deepEqual(root.map((entry) => `${entry.type} ${entry.name}`).sort(), [
    '4 deep',
    '4 some',
    '8 rows.f32',
    '8 second name',
  ]);
  const inodeOf = (entries: typeof root, wanted: string): number =>
    entries.find((entry) => entry.name === wanted)!.inode;
  const deep = volume.entries(inodeOf(root, 'deep'));
  t.is(deep.length, 81);
  t.is(new Set(deep.map((entry) => entry.inode)).size, 1, 'all of them one file');
  t.is(volume.inode(deep[0]!.inode).getUint32(4, true), 81, 'links');

  const some = volume.entries(inodeOf(root, 'some'));
  t.deepEqual(some.map((entry) => `${entry.type} ${entry.name}`).sort(), [
    '1 pipe',
    '10 long link',
    '10 short link',
    '2 device',
    '8 file',
    '8 holes',
  ]);
  const file = inodeOf(some, 'file');
  t.is(file, inodeOf(root, 'second name'));
  t.is(Buffer.from(volume.content(file)).toString(), 'content of a file\n');
  t.deepEqual(volume.xattrs(file), [
    [1, 'colour', 'blue'],
    [1, 'empty', ''],
    [2, 'level', '3'],
    [3, 'mark', 'm'],
  ]);

  const holes = inodeOf(some, 'holes');
  t.deepEqual([...volume.extents(holes).keys()], [0, 2, 4, 6, 8, 10]);
  t.is(volume.inode(holes).getUint16(136 + 6, true), 1, 'a tree with a level below its root');
  t.is(
    Buffer.from(volume.content(holes)).toString().replace(/\0+/g, '|'),
    'block 0|block 2|block 4|block 6|block 8|block 10',
  );

  const short = volume.inode(inodeOf(some, 'short link'));
  t.is(Buffer.from(short.buffer, 136, Number(short.getBigUint64(16, true))).toString(), '../deep');
  t.is(Buffer.from(volume.content(inodeOf(some, 'long link'))).toString(), `../deep/${'l'.repeat(200)}`);
  t.is(volume.inode(inodeOf(some, 'device')).getUint32(88, true), 0x103);
});

test('a second reading finds the rows of content-4k through log block and inline records', (t) => {
  const volume = new WrittenVolume(goldenImage('content-4k'));
  const file = volume.entries(1).find((entry) => entry.name === 'rows.f32')!.inode;
  const { live, header, logBlocks } = volume.rows(file);
  t.is(logBlocks, 1);
  t.is(live.size, 197);
  for (let slot = 0; slot < 200; slot++) {
    t.is(live.get(slot), slot >= 7 && slot <= 9 ? undefined : BigInt(slot * 2), `slot ${slot}`);
  }
  t.is(header.getUint32(20, true), 4, 'dimensions');
  t.is(Number(header.getBigUint64(48, true)), 200, 'slots');
  t.is(Number(header.getBigUint64(56, true)), 197, 'live rows');
  t.is(header.getBigUint64(64, true), 399n, 'next id');
  const rows = new Float32Array(volume.content(file).slice().buffer);
  t.deepEqual([...rows.subarray(20 * 4, 21 * 4)], [10, 10.125, 10.25, 10.375]);
});

test('recovery of journal-1k replays the three whole transactions, not the fourth, and no revoked block', (t) => {
  const image = goldenImage('journal-1k');
  const before = new WrittenVolume(image);
  t.deepEqual(
    before.entries(1).map((entry) => entry.name),
    ['in place'],
  );
  const { journalStart, journalBlocks, blockSize, totalBlocks } = before.sb;
  const device = new ImageDevice(image);
  const area = { start: journalStart, blocks: journalBlocks, blockSize };
  const dry = recover(device, area, totalBlocks, { dryRun: true });
  t.is(dry.transactions, 3);
  t.false(dry.contents.has(1045), 'the directory block that was freed');
  t.deepEqual(image, goldenImage('journal-1k'), 'a dry run writes nothing');

  const { volume, nextSequence, replayed } = Volume.open(device, { readOnly: false });
  t.is(replayed, 3);
  const root = volume.inodes.get(1);
  t.truthy(lookupName(volume, root, name('replayed')));
  t.is(lookupName(volume, root, name('gone')), undefined);
  t.is(lookupName(volume, root, name('lost')), undefined);
  const after = new WrittenVolume(image);
  t.deepEqual(
    after
      .entries(1)
      .map((entry) => entry.name)
      .sort(),
    ['in place', 'replayed'],
  );

  const writer = new JournalWriter(device, area, totalBlocks, nextSequence);
  createInode(volume, root, name('new'), { mode: 0o100644, uid: 0, gid: 0 }, { seconds: 0, nanoseconds: 0 });
  const frozen = volume.freeze()!;
  writer.commit({ blocks: frozen.blocks, revoked: frozen.revoked });
  t.is(recover(device, area, totalBlocks, { dryRun: true }).transactions, 1, 'the log goes on behind');
});
