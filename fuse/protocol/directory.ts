import { type Attributes, encodeEntryOut, encodeNoEntry, type Timeout, timeout } from './attributes.js';
import { DIRENTPLUS_DIRENT_OFFSET, dirent } from './structs.js';

/** One entry of a directory, as READDIR tells it. */
export interface DirectoryEntry {
  readonly ino: number;
  /** Where reading resumes after this entry, an opaque 64-bit cookie in halves. */
  readonly cookieHigh: number;
  readonly cookieLow: number;
  /** File type as in d_type: the mode's S_IFMT bits shifted right by 12. */
  readonly type: number;
  /** 1 to 255 bytes. */
  readonly name: Uint8Array;
}

/** Where entries are written: the same memory as bytes and as a view. */
export interface Target {
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

/** No space is left: what was appended so far is the reply. */
export const FULL = -1;

/**
 * Appends an entry at `at`; `limit` is the end of what the caller asked for. Returns the end of the entry, padded to
 * 8 bytes, where the next one goes, or FULL. A reply without entries means the end of the directory.
 */
export function appendDirent(target: Target, at: number, limit: number, entry: DirectoryEntry): number {
  const end = at + padded(dirent.$.size + entry.name.byteLength);
  if (end > limit) return FULL;
  writeDirent(target, at, end, entry);
  return end;
}

/**
 * Appends an entry with what a LOOKUP would answer; the lookup count of `nodeid` grows by one when this returns other
 * than FULL. For `.` and `..` use appendDirentOnly.
 */
export function appendDirentPlus(
  target: Target,
  at: number,
  limit: number,
  entry: DirectoryEntry,
  nodeid: number,
  generation: number,
  attributes: Attributes,
  entryValid: Timeout,
  attrValid: Timeout,
): number {
  const end = at + padded(DIRENTPLUS_DIRENT_OFFSET + dirent.$.size + entry.name.byteLength);
  if (end > limit) return FULL;
  encodeEntryOut(target.view, at, nodeid, generation, attributes, entryValid, attrValid);
  writeDirent(target, at + DIRENTPLUS_DIRENT_OFFSET, end, entry);
  return end;
}

/** Appends to a READDIRPLUS reply an entry that the kernel shall not take for a lookup. */
export function appendDirentOnly(target: Target, at: number, limit: number, entry: DirectoryEntry): number {
  const end = at + padded(DIRENTPLUS_DIRENT_OFFSET + dirent.$.size + entry.name.byteLength);
  if (end > limit) return FULL;
  encodeNoEntry(target.view, at, NEVER);
  writeDirent(target, at + DIRENTPLUS_DIRENT_OFFSET, end, entry);
  return end;
}

const NEVER = timeout(0);

/** FUSE_REC_ALIGN */
function padded(size: number): number {
  return (size + 7) & ~7;
}

function writeDirent(target: Target, at: number, end: number, entry: DirectoryEntry): void {
  const { bytes, view } = target;
  dirent.ino.set(view, at, entry.ino);
  view.setUint32(at + dirent.off.offset, entry.cookieLow, true);
  view.setUint32(at + dirent.off.offset + 4, entry.cookieHigh, true);
  dirent.namelen.set(view, at, entry.name.byteLength);
  dirent.type.set(view, at, entry.type);
  bytes.set(entry.name, at + dirent.$.size);
  for (let i = at + dirent.$.size + entry.name.byteLength; i < end; i++) bytes[i] = 0;
}
