/**
 * A second reading of an empty volume, by the numbers of docs/format.md alone: no offset, constant or checksum of the
 * product is used here.
 */

/** CRC-32C bit by bit, as section 2 says: nothing is inverted. */
export function slowCrc(register: number, bytes: Uint8Array): number {
  let value = register;
  for (const byte of bytes) {
    value ^= byte;
    for (let bit = 0; bit < 8; bit++) value = (value & 1) !== 0 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1;
  }
  return value >>> 0;
}

export function little64(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value), true);
  return bytes;
}

export type ReadBytes = (position: number, length: number) => Uint8Array;

export interface WrittenSuperblock {
  readonly blockSize: number;
  readonly totalBlocks: number;
  readonly freeBlocks: number;
  readonly reservedBlocks: number;
  readonly inodeCount: number;
  readonly freeInodes: number;
  readonly blocksPerGroup: number;
  readonly inodesPerGroup: number;
  readonly groupCount: number;
  readonly journalStart: number;
  readonly journalBlocks: number;
  readonly vectorDataStart: number;
  readonly indexMetadataStart: number;
  readonly uuid: Uint8Array;
  readonly seed: number;
  readonly label: string;
  readonly hashKey: Uint8Array;
  readonly formatTime: number;
  /** The sum that stands there, and the one that should. */
  readonly sum: number;
  readonly expectedSum: number;
}

const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const u64 = (bytes: Uint8Array, at: number): number => Number(view(bytes).getBigUint64(at, true));
const u32 = (bytes: Uint8Array, at: number): number => view(bytes).getUint32(at, true);

function without(bytes: Uint8Array, field: number): Uint8Array {
  const copy = bytes.slice();
  copy.fill(0, field, field + 4);
  return copy;
}

/** The copy that begins at byte `position`, which is block `block`. */
export function readSuperblockByHand(read: ReadBytes, position: number, block: number): WrittenSuperblock {
  const bytes = read(position, 1024);
  const uuid = bytes.slice(128, 144);
  const seed = slowCrc(0xffffffff, uuid);
  if (Buffer.from(bytes.subarray(0, 4)).toString('latin1') !== 'VEXF') throw new Error('no magic');
  if (u32(bytes, 4) !== 1 || u32(bytes, 12) !== 256 || u32(bytes, 68) !== 64 || u32(bytes, 84) !== 11) {
    throw new Error('version, inode size, descriptor size or first inode');
  }
  const label = Buffer.from(bytes.subarray(144, 208)).toString('utf8').replace(/\0+$/, '');
  return {
    blockSize: u32(bytes, 8),
    totalBlocks: u64(bytes, 16),
    freeBlocks: u64(bytes, 24),
    reservedBlocks: u64(bytes, 32),
    inodeCount: u64(bytes, 40),
    freeInodes: u64(bytes, 48),
    blocksPerGroup: u32(bytes, 56),
    inodesPerGroup: u32(bytes, 60),
    groupCount: u32(bytes, 64),
    journalStart: u64(bytes, 72),
    journalBlocks: u32(bytes, 80),
    vectorDataStart: u64(bytes, 88),
    indexMetadataStart: u64(bytes, 96),
    uuid,
    seed,
    label,
    hashKey: bytes.slice(208, 224),
    formatTime: u64(bytes, 224),
    sum: u32(bytes, 508),
    expectedSum: slowCrc(slowCrc(seed, little64(block)), without(bytes, 508)),
  };
}

export interface WrittenGroup {
  readonly start: number;
  readonly blocks: number;
  /** Blocks of fixed metadata. */
  readonly fixed: number;
  readonly hasCopy: boolean;
  readonly blockBitmap: number;
  readonly inodeBitmap: number;
  readonly inodeTable: number;
  readonly freeBlocks: number;
  readonly freeInodes: number;
  readonly directories: number;
  readonly initialised: number;
  readonly flags: number;
  readonly blockSum: number;
  readonly inodeSum: number;
  readonly sumIsRight: boolean;
}

/** Groups 0, 1 and the powers of 3, 5 and 7. */
export function isCopyGroup(group: number): boolean {
  const power = (base: number): boolean => {
    let value = group;
    while (value % base === 0) value /= base;
    return value === 1;
  };
  return group <= 1 || power(3) || power(5) || power(7);
}

/** Group `g` as the descriptors at block `table` have it. */
export function readGroupByHand(read: ReadBytes, sb: WrittenSuperblock, g: number, table = 1): WrittenGroup {
  const bytes = read(table * sb.blockSize + g * 64, 64);
  const start = g * sb.blocksPerGroup;
  const hasCopy = isCopyGroup(g);
  const copy = hasCopy ? 1 + Math.ceil((sb.groupCount * 64) / sb.blockSize) : 0;
  const tableBlocks = (sb.inodesPerGroup * 256) / sb.blockSize;
  return {
    start,
    blocks: Math.min(sb.blocksPerGroup, sb.totalBlocks - start),
    fixed: copy + 2 + tableBlocks,
    hasCopy,
    blockBitmap: start + copy,
    inodeBitmap: start + copy + 1,
    inodeTable: start + copy + 2,
    freeBlocks: u32(bytes, 0),
    freeInodes: u32(bytes, 4),
    directories: u32(bytes, 8),
    initialised: u32(bytes, 12),
    flags: u32(bytes, 16),
    blockSum: u32(bytes, 20),
    inodeSum: u32(bytes, 24),
    sumIsRight: u32(bytes, 60) === slowCrc(slowCrc(sb.seed, little64(g)), without(bytes, 60)),
  };
}

export function bitOf(bitmap: Uint8Array, bit: number): number {
  return (bitmap[bit >> 3]! >> (bit & 7)) & 1;
}

/** Whether the sum of a 256-byte inode is right. */
export function isInodeSumRight(sb: WrittenSuperblock, number: number, bytes: Uint8Array): boolean {
  const start = slowCrc(slowCrc(sb.seed, little64(number)), bytes.subarray(84, 88));
  return u32(bytes, 252) === slowCrc(start, without(bytes, 252));
}
