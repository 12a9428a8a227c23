import { entryType, Inode, MAX_FILE_SIZE, testBit } from '@vexfs/fuse/volume';
import { crc32c, GROUP_INODES_UNINITIALISED, INODE_SIZE, inode as layout } from '@vexfs/shared';
import { checkAttributes } from './attribute_check.js';
import type { Check } from './check.js';
import { WrongBytes } from './correct_byte.js';
import { checkExtents } from './extent_check.js';
import { DIRECTORY, isPlausible, mendFields, REGULAR, reasonToClear, SYMLINK } from './inode_fields.js';
import { HIDDEN, ORPHAN } from './inode_map.js';
import { reasonAgainstTarget } from './symlink_check.js';

/** Holds a piece of a table; one for all, because a large volume has many thousands of them. */
const buffer = new Uint8Array(1024 * 1024);

/**
 * Pass 1: every inode of every table. Claims the blocks of files (those of directories come with their entries, in
 * pass 2), fills the inode map, mends what stands in the inodes alone. The members of the orphan list are in use even
 * where a descriptor says that their part of the table was never written.
 */
export function scanInodes(check: Check, orphans: readonly number[]): void {
  const { groupCount } = check.geometry;
  const orphansEnd = endsByGroup(check, orphans);
  for (let group = 0; group < groupCount; group++) {
    const sound = check.groups.isSound(group);
    const known = sound ? check.groups.get(group).initialised_inodes : lastIntact(check, group);
    if (!sound) {
      check.find({
        code: 'descriptor',
        message: `the descriptor of group ${group} is damaged`,
        repair: 'make it anew from the tables',
        safe: true,
        group,
      });
    }
    const last = sound
      ? Math.max(lastBitOf(check, group), orphansEnd.get(group) ?? 0)
      : check.geometry.inodesPerGroup;
    if (sound && last > known) {
      check.find({
        code: 'initialised-inodes',
        message: `group ${group} has inodes in use behind its ${known} initialised ones`,
        repair: 'count them among them',
        safe: true,
        group,
      });
    }
    scanTable(check, group, known, Math.max(known, last));
    if (group % 16 === 0) check.progress('Checking inodes', group, groupCount);
  }
  check.progress('Checking inodes', groupCount, groupCount);
}

/** One past the highest index of the inodes in each group that has some of them. */
function endsByGroup({ geometry }: Check, inodes: readonly number[]): Map<number, number> {
  const ends = new Map<number, number>();
  for (const number of inodes) {
    const group = geometry.groupOfInode(number);
    ends.set(group, Math.max(ends.get(group) ?? 0, geometry.indexOfInode(number) + 1));
  }
  return ends;
}

/** One past the index of the last inode of a group that its bitmap has in use; 0 when the bitmap cannot be trusted. */
function lastBitOf(check: Check, group: number): number {
  const { geometry, store } = check;
  const { flags, inode_bitmap_checksum } = check.groups.get(group);
  if ((flags & GROUP_INODES_UNINITIALISED) !== 0) return 0;
  const number = geometry.inodeBitmap(group);
  const bitmap = new Uint8Array(geometry.blockSize);
  check.device.read(number * geometry.blockSize, bitmap);
  if (crc32c(store.seedFor(number), bitmap) !== inode_bitmap_checksum) return 0;
  for (let index = geometry.inodesPerGroup - 1; index >= 0; index--) {
    if (testBit(bitmap, index)) return index + 1;
  }
  return 0;
}

/**
 * One past the index of the last inode of a group whose checksum is right; 0 for none. The part of a table that was written is
 * its front, so what lies before that inode was written too, and may be damaged.
 */
function lastIntact(check: Check, group: number): number {
  const { geometry } = check;
  let last = 0;
  eachEntry(check, group, geometry.inodesPerGroup, (index, bytes) => {
    const number = group * geometry.inodesPerGroup + index + 1;
    const stored = layout.checksum.get(new DataView(bytes.buffer, bytes.byteOffset), 0);
    if (stored === check.inodeSum(number, bytes)) last = index + 1;
  });
  return last;
}

/** Entries from `known` to `end` may never have been written: of those only the ones with a right checksum count. */
function scanTable(check: Check, group: number, known: number, end: number): void {
  const first = group * check.geometry.inodesPerGroup + 1;
  eachEntry(check, group, end, (index, bytes) => {
    scanInode(check, new Inode(first + index, bytes.slice(), () => {}), index < known);
  });
}

/** Shows the entries of a table in front of `end` that are not zero; their bytes are valid during the call only. */
function eachEntry(
  check: Check,
  group: number,
  end: number,
  visit: (index: number, bytes: Uint8Array) => void,
): void {
  const { geometry, device } = check;
  const perChunk = buffer.length / INODE_SIZE;
  const start = geometry.inodeTable(group) * geometry.blockSize;
  for (let first = 0; first < end; first += perChunk) {
    const count = Math.min(perChunk, end - first);
    const bytes = buffer.subarray(0, count * INODE_SIZE);
    device.read(start + first * INODE_SIZE, bytes);
    const words = new Int32Array(bytes.buffer, 0, bytes.length / 4);
    for (let i = 0; i < count; i++) {
      if (isZero(words, (i * INODE_SIZE) / 4)) continue;
      visit(first + i, bytes.subarray(i * INODE_SIZE, (i + 1) * INODE_SIZE));
    }
    check.store.trim();
  }
}

function isZero(words: Int32Array, from: number): boolean {
  for (let word = from; word < from + INODE_SIZE / 4; word++) if (words[word] !== 0) return false;
  return true;
}

function scanInode(check: Check, inode: Inode, isKnown: boolean): void {
  const { number } = inode;
  const view = new DataView(inode.bytes.buffer);
  let intact = layout.checksum.get(view, 0) === check.inodeSum(number, inode.bytes);
  let changed = false;
  if (!intact && isKnown && correct(check, inode)) {
    intact = true;
    changed = true;
  }
  if (!isKnown && (inode.mode === 0 || !intact)) return;
  if (inode.mode === 0) {
    check.find({
      code: 'free-inode',
      message: `the free inode ${number} is not zero`,
      repair: 'zero it',
      safe: true,
      inode: number,
    });
    check.clearInode(number);
    return;
  }
  const reason = check.condemned.has(number)
    ? `inode ${number} could not be repaired`
    : !intact && !isPlausible(inode)
      ? `inode ${number} is damaged`
      : (reasonToClear(inode) ?? reasonAgainstLink(check, inode));
  if (reason !== undefined) {
    check.find({ code: 'inode', message: reason, repair: 'clear it', safe: false, inode: number });
    check.clearInode(number);
    return;
  }
  if (!intact) {
    changed = true;
    check.find({
      code: 'inode-checksum',
      message: `inode ${number} has a wrong checksum`,
      repair: 'keep it as it is',
      safe: false,
      inode: number,
    });
  }
  const mended = mendFields(inode);
  if (mended.length > 0) {
    changed = true;
    check.find({
      code: 'inode-field',
      message: `inode ${number} has an impossible ${mended.join(', ')}`,
      repair: 'set it to what it can be',
      safe: false,
      inode: number,
    });
  }
  keep(check, inode);
  if (checkAttributes(check, inode)) changed = true;
  if (checkContent(check, inode, mended.includes('size'))) changed = true;
  if (changed) check.writeInode(inode);
}

let wrongBytes: WrongBytes | undefined;

/** The generation is summed in front of an inode as well, so that a change of it counts twice. */
function summedBehind(at: number): number[] {
  const { generation, checksum } = layout;
  if (at >= checksum.offset) return [];
  const behind = INODE_SIZE - 1 - at;
  const place = at - generation.offset;
  return place >= 0 && place < 4 ? [behind, INODE_SIZE + 3 - place] : [behind];
}

/** Puts one wrong byte of an inode right, if its checksum tells which it is. */
function correct(check: Check, inode: Inode): boolean {
  const { bytes, number } = inode;
  const stored = layout.checksum.get(new DataView(bytes.buffer), 0);
  wrongBytes ??= new WrongBytes(INODE_SIZE, summedBehind);
  const found = wrongBytes.find(check.inodeSum(number, bytes) ^ stored);
  if (found === undefined) return false;
  bytes[found.at]! ^= found.xor;
  return corrected(check, inode, found.at);
}

function corrected(check: Check, inode: Inode, at: number): true {
  check.find({
    code: 'inode-byte',
    message: `inode ${inode.number} has a wrong byte ${at}, as its checksum tells`,
    repair: 'put it right',
    safe: false,
    inode: inode.number,
  });
  return true;
}

function reasonAgainstLink(check: Check, inode: Inode): string | undefined {
  const isLong = entryType(inode.mode) === SYMLINK && inode.size > inode.root.length;
  return isLong ? reasonAgainstTarget(check, inode) : undefined;
}

function keep(check: Check, inode: Inode): void {
  const { number } = inode;
  const { inodes } = check;
  const orphan = inodes.state(number) & ORPHAN;
  inodes.setState(number, entryType(inode.mode) | (inode.isHidden ? HIDDEN : 0) | orphan);
  inodes.setLinks(number, inode.links);
  check.inodesInUse += 1;
  if (inode.isDirectory) check.directories.push(number);
  if (inode.vectorSet !== 0) check.owners.push(number);
  if (inode.orphanNext !== 0) check.linkedOrphans.push(number);
}

/**
 * Claims the blocks of anything but a directory and compares their count. A file that has lost its size ends with the last
 * block that is written: better a tail of zeros than no content. Returns whether the inode was changed.
 */
function checkContent(check: Check, inode: Inode, hasLostSize: boolean): boolean {
  const type = entryType(inode.mode);
  if (type === DIRECTORY) return false;
  const attributes = inode.xattrBlock === 0 ? 0 : 1;
  if (type === SYMLINK && inode.size <= inode.root.length) return countBlocks(check, inode, attributes);
  const use = checkExtents(check, inode);
  if (hasLostSize && type === REGULAR) {
    inode.size = Math.min(MAX_FILE_SIZE, use.writtenEnd * check.geometry.blockSize);
  }
  if (use.damaged) return false;
  const end = Math.ceil(inode.size / check.geometry.blockSize);
  const isCut = check.inodes.has(inode.number, ORPHAN);
  if (type === REGULAR && !inode.isHidden && use.writtenEnd > end && !isCut) {
    check.find({
      code: 'blocks-past-end',
      message: `inode ${inode.number} has written blocks behind its end`,
      repair: 'free them',
      safe: true,
      inode: inode.number,
    });
    check.tails.push(inode.number);
  }
  return countBlocks(check, inode, attributes + use.blocks);
}

/** Mends `blocks`. Returns whether it was wrong. */
export function countBlocks(check: Check, inode: Inode, counted: number): boolean {
  if (inode.blocks === counted) return false;
  check.find({
    code: 'block-count',
    message: `inode ${inode.number} has ${counted} blocks and counts ${inode.blocks}`,
    repair: 'set the count',
    safe: true,
    inode: inode.number,
  });
  inode.blocks = counted;
  return true;
}
