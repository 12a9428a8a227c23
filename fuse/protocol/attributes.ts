import { STATX_BASIC_STATS, STATX_BTIME } from './flags.js';
import {
  ATTR_OUT_ATTR_OFFSET,
  attr,
  attrOut,
  ENTRY_ATTR_OFFSET,
  entryOut,
  kstatfs,
  STATX_OUT_STATX_OFFSET,
  statx,
  statxOut,
} from './structs.js';

/** What stat(2) tells of a file. Times are seconds since the epoch (may be negative) and nanoseconds. */
export interface Attributes {
  readonly ino: number;
  readonly size: number;
  /** In units of 512 bytes. */
  readonly blocks: number;
  readonly atime: number;
  readonly mtime: number;
  readonly ctime: number;
  readonly atimensec: number;
  readonly mtimensec: number;
  readonly ctimensec: number;
  readonly mode: number;
  readonly nlink: number;
  readonly uid: number;
  readonly gid: number;
  /** As new_encode_dev() of the kernel: minor & 0xff | major << 8 | (minor & ~0xff) << 12. */
  readonly rdev: number;
  readonly blksize: number;
}

/** How long the kernel may keep an answer without asking again, split for the wire. */
export interface Timeout {
  readonly seconds: number;
  readonly nanoseconds: number;
}

/** Longest timeout that is sent, in seconds: 68 years, which no kernel's clock arithmetic overflows on. */
const LONGEST = 0x7fffffff;

/** Splits seconds, which may have a fraction; Infinity becomes 68 years. */
export function timeout(seconds: number): Timeout {
  const bounded = Math.min(LONGEST, Math.max(0, seconds));
  const whole = Math.floor(bounded);
  return { seconds: whole, nanoseconds: Math.floor((bounded - whole) * 1e9) };
}

/** Writes struct fuse_attr (88 bytes) at `base`. */
export function encodeAttr(view: DataView, base: number, from: Attributes): void {
  attr.ino.set(view, base, from.ino);
  attr.size.set(view, base, from.size);
  attr.blocks.set(view, base, from.blocks);
  attr.atime.set(view, base, from.atime);
  attr.mtime.set(view, base, from.mtime);
  attr.ctime.set(view, base, from.ctime);
  attr.atimensec.set(view, base, from.atimensec);
  attr.mtimensec.set(view, base, from.mtimensec);
  attr.ctimensec.set(view, base, from.ctimensec);
  attr.mode.set(view, base, from.mode);
  attr.nlink.set(view, base, from.nlink);
  attr.uid.set(view, base, from.uid);
  attr.gid.set(view, base, from.gid);
  attr.rdev.set(view, base, from.rdev);
  attr.blksize.set(view, base, from.blksize);
  attr.flags.set(view, base, 0);
}

/** Writes struct fuse_attr_out at `base`; returns its 104 bytes. */
export function encodeAttrOut(view: DataView, base: number, from: Attributes, valid: Timeout): number {
  attrOut.attr_valid.set(view, base, valid.seconds);
  attrOut.attr_valid_nsec.set(view, base, valid.nanoseconds);
  attrOut.dummy.set(view, base, 0);
  encodeAttr(view, base + ATTR_OUT_ATTR_OFFSET, from);
  return attrOut.$.size;
}

/**
 * Writes struct fuse_entry_out at `base`; returns its 128 bytes. Each one that reaches the kernel with a node id adds one
 * to the lookup count that FORGET takes back.
 */
export function encodeEntryOut(
  view: DataView,
  base: number,
  nodeid: number,
  generation: number,
  from: Attributes,
  entryValid: Timeout,
  attrValid: Timeout,
): number {
  encodeEntryHead(view, base, nodeid, generation, entryValid, attrValid);
  encodeAttr(view, base + ENTRY_ATTR_OFFSET, from);
  return entryOut.$.size;
}

/**
 * Writes a negative entry: the name does not exist, and the kernel may believe that for `entryValid`. Also the entry of `.`
 * and `..` in READDIRPLUS, which must not count as lookups.
 */
export function encodeNoEntry(view: DataView, base: number, entryValid: Timeout): number {
  encodeEntryHead(view, base, 0, 0, entryValid, NONE);
  for (let at = ENTRY_ATTR_OFFSET; at < entryOut.$.size; at += 4) view.setUint32(base + at, 0, true);
  return entryOut.$.size;
}

const NONE: Timeout = { seconds: 0, nanoseconds: 0 };

function encodeEntryHead(
  view: DataView,
  base: number,
  nodeid: number,
  generation: number,
  entryValid: Timeout,
  attrValid: Timeout,
): void {
  entryOut.nodeid.set(view, base, nodeid);
  entryOut.generation.set(view, base, generation);
  entryOut.entry_valid.set(view, base, entryValid.seconds);
  entryOut.entry_valid_nsec.set(view, base, entryValid.nanoseconds);
  entryOut.attr_valid.set(view, base, attrValid.seconds);
  entryOut.attr_valid_nsec.set(view, base, attrValid.nanoseconds);
}

/** What statfs(2) tells of a volume; blocks are counted in `bsize` bytes. */
export interface VolumeCounts {
  readonly blocks: number;
  readonly bfree: number;
  readonly bavail: number;
  readonly files: number;
  readonly ffree: number;
  readonly bsize: number;
  readonly namelen: number;
}

/** Writes struct fuse_statfs_out at `base`; returns its 80 bytes. */
export function encodeStatfsOut(view: DataView, base: number, from: VolumeCounts): number {
  kstatfs.blocks.set(view, base, from.blocks);
  kstatfs.bfree.set(view, base, from.bfree);
  kstatfs.bavail.set(view, base, from.bavail);
  kstatfs.files.set(view, base, from.files);
  kstatfs.ffree.set(view, base, from.ffree);
  kstatfs.bsize.set(view, base, from.bsize);
  kstatfs.namelen.set(view, base, from.namelen);
  kstatfs.frsize.set(view, base, from.bsize);
  for (let at = kstatfs.padding.offset; at < kstatfs.$.size; at += 4) view.setUint32(base + at, 0, true);
  return kstatfs.$.size;
}

/** Birth time, which only STATX (7.39) carries. */
export interface BirthTime {
  readonly btime: number;
  readonly btimensec: number;
}

/** Writes struct fuse_statx_out at `base`; returns its 288 bytes. */
export function encodeStatxOut(
  view: DataView,
  base: number,
  from: Attributes & BirthTime,
  valid: Timeout,
): number {
  for (let at = 0; at < statxOut.$.size; at += 4) view.setUint32(base + at, 0, true);
  statxOut.attr_valid.set(view, base, valid.seconds);
  statxOut.attr_valid_nsec.set(view, base, valid.nanoseconds);
  const body = base + STATX_OUT_STATX_OFFSET;
  statx.mask.set(view, body, STATX_BASIC_STATS | STATX_BTIME);
  statx.blksize.set(view, body, from.blksize);
  statx.nlink.set(view, body, from.nlink);
  statx.uid.set(view, body, from.uid);
  statx.gid.set(view, body, from.gid);
  statx.mode.set(view, body, from.mode);
  statx.ino.set(view, body, from.ino);
  statx.size.set(view, body, from.size);
  statx.blocks.set(view, body, from.blocks);
  statx.atime.set(view, body, from.atime);
  statx.atimensec.set(view, body, from.atimensec);
  statx.btime.set(view, body, from.btime);
  statx.btimensec.set(view, body, from.btimensec);
  statx.ctime.set(view, body, from.ctime);
  statx.ctimensec.set(view, body, from.ctimensec);
  statx.mtime.set(view, body, from.mtime);
  statx.mtimensec.set(view, body, from.mtimensec);
  statx.rdev_major.set(view, body, (from.rdev >>> 8) & 0xfff);
  statx.rdev_minor.set(view, body, (from.rdev & 0xff) | ((from.rdev >>> 12) & 0xfff00));
  return statxOut.$.size;
}
