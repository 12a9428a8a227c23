/**
 * Messages that the server starts (include/uapi/linux/fuse.h, fs/fuse/dev.c). Each function writes one at `base` and returns
 * its length, for one write to the device. They take locks of the inode in the kernel: never send one from the thread that
 * answers requests. ENOENT says that the kernel does not know the node, which needs no handling.
 */
import type { Target } from './directory.js';
import { NOTIFY } from './flags.js';
import {
  notifyDeleteOut,
  notifyInvalEntryOut,
  notifyInvalInodeOut,
  notifyStoreOut,
  outHeader,
} from './structs.js';

const HEADER = outHeader.$.size;

/** Room that the header and structure of any notification take; names come on top of it. */
export const NOTIFY_MAX: number = HEADER + 24;

/** Drops cached attributes, and cached pages from `offset` for `length` bytes (0: to the end; offset < 0: no pages). */
export function encodeInvalInode(
  view: DataView,
  base: number,
  nodeid: number,
  offset: number,
  length: number,
): number {
  const body = base + HEADER;
  notifyInvalInodeOut.ino.set(view, body, nodeid);
  notifyInvalInodeOut.off.set(view, body, offset);
  notifyInvalInodeOut.len.set(view, body, length);
  return head(view, base, NOTIFY.INVAL_INODE, notifyInvalInodeOut.$.size);
}

/** Drops what the kernel remembers of `name` in the directory `parent`. `flags`: 0 or EXPIRE_ONLY. */
export function encodeInvalEntry(
  target: Target,
  base: number,
  parent: number,
  name: Uint8Array,
  flags = 0,
): number {
  const body = base + HEADER;
  notifyInvalEntryOut.parent.set(target.view, body, parent);
  notifyInvalEntryOut.namelen.set(target.view, body, name.byteLength);
  notifyInvalEntryOut.flags.set(target.view, body, flags);
  const size = notifyInvalEntryOut.$.size;
  putName(target, body + size, name);
  return head(target.view, base, NOTIFY.INVAL_ENTRY, size + name.byteLength + 1);
}

/** As encodeInvalEntry, and tells watchers that `child` is gone from `parent`. */
export function encodeDelete(
  target: Target,
  base: number,
  parent: number,
  child: number,
  name: Uint8Array,
): number {
  const body = base + HEADER;
  notifyDeleteOut.parent.set(target.view, body, parent);
  notifyDeleteOut.child.set(target.view, body, child);
  notifyDeleteOut.namelen.set(target.view, body, name.byteLength);
  notifyDeleteOut.padding.set(target.view, body, 0);
  const size = notifyDeleteOut.$.size;
  putName(target, body + size, name);
  return head(target.view, base, NOTIFY.DELETE, size + name.byteLength + 1);
}

/**
 * Puts `size` bytes of file data into the page cache at `offset` and moves the kernel's idea of the file's size to at
 * least their end. Returns the length of what was written here; the data has to follow in the same writev (writePair).
 */
export function encodeStore(
  view: DataView,
  base: number,
  nodeid: number,
  offset: number,
  size: number,
): number {
  const body = base + HEADER;
  notifyStoreOut.nodeid.set(view, body, nodeid);
  notifyStoreOut.offset.set(view, body, offset);
  notifyStoreOut.size.set(view, body, size);
  notifyStoreOut.padding.set(view, body, 0);
  head(view, base, NOTIFY.STORE, notifyStoreOut.$.size + size);
  return HEADER + notifyStoreOut.$.size;
}

function head(view: DataView, base: number, code: number, payload: number): number {
  outHeader.len.set(view, base, HEADER + payload);
  outHeader.error.set(view, base, code);
  outHeader.unique.set(view, base, 0);
  return HEADER + payload;
}

function putName(target: Target, at: number, name: Uint8Array): void {
  target.bytes.set(name, at);
  target.bytes[at + name.byteLength] = 0;
}
