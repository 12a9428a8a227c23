/**
 * POSIX access control lists in the form that setxattr(2) takes and the volume stores (include/uapi/linux/posix_acl_xattr.h):
 * a version of 32 bits, then entries of 8 bytes {tag: 16 bits, permissions: 16 bits, id: 32 bits}, sorted by tag. The rules
 * are those of fs/posix_acl.c.
 */
import { constants } from 'node:os';
import { XATTR_ACL_ACCESS, XATTR_ACL_DEFAULT } from '@vexfs/shared';
import { FsError } from './errors.js';
import type { XattrName } from './xattr_name.js';

const { EINVAL, EOPNOTSUPP } = constants.errno;

const VERSION = 2;
const HEADER = 4;
const ENTRY = 8;

/** Source: include/uapi/linux/posix_acl.h. */
const USER_OBJ = 0x01;
const USER = 0x02;
const GROUP_OBJ = 0x04;
const GROUP = 0x08;
const MASK = 0x10;
const OTHER = 0x20;

const NO_NAME = new Uint8Array(0);
export const ACCESS: XattrName = { space: XATTR_ACL_ACCESS, name: NO_NAME };
export const DEFAULT: XattrName = { space: XATTR_ACL_DEFAULT, name: NO_NAME };

interface Entry {
  readonly at: number;
  readonly tag: number;
  permissions: number;
}

function viewOf(list: Uint8Array): DataView {
  return new DataView(list.buffer, list.byteOffset, list.length);
}

function entriesOf(list: Uint8Array): Entry[] {
  const view = viewOf(list);
  const entries: Entry[] = [];
  for (let at = HEADER; at + ENTRY <= list.length; at += ENTRY)
    entries.push({ at, tag: view.getUint16(at, true), permissions: view.getUint16(at + 2, true) });
  return entries;
}

function write(list: Uint8Array, entries: readonly Entry[]): void {
  const view = viewOf(list);
  for (const { at, permissions } of entries) view.setUint16(at + 2, permissions, true);
}

/**
 * Checks a list as posix_acl_valid() does and returns it; undefined for one without entries, which means that there is no
 * list. Throws FsError: EINVAL, EOPNOTSUPP for another version.
 */
export function check(list: Uint8Array): Uint8Array | undefined {
  if (list.length < HEADER || (list.length - HEADER) % ENTRY !== 0) throw new FsError(EINVAL);
  if (viewOf(list).getUint32(0, true) !== VERSION) throw new FsError(EOPNOTSUPP);
  if (list.length === HEADER) return undefined;
  const order = [USER_OBJ, USER, GROUP_OBJ, GROUP, MASK, OTHER];
  const counts = new Map<number, number>();
  let highest = 0;
  for (const { tag, permissions } of entriesOf(list)) {
    const place = order.indexOf(tag);
    if (place < highest || (permissions & ~7) !== 0) throw new FsError(EINVAL);
    highest = place;
    counts.set(tag, (counts.get(tag) ?? 0) + 1);
  }
  const count = (tag: number): number => counts.get(tag) ?? 0;
  const named = count(USER) + count(GROUP);
  const isValid =
    count(USER_OBJ) === 1 &&
    count(GROUP_OBJ) === 1 &&
    count(OTHER) === 1 &&
    count(MASK) <= 1 &&
    (named === 0 || count(MASK) === 1);
  if (!isValid) throw new FsError(EINVAL);
  return list;
}

/** posix_acl_equiv_mode(): the nine bits that go with an access list, and whether they say all that it says. */
export function modeOf(list: Uint8Array): { bits: number; isWhole: boolean } {
  let bits = 0;
  let isWhole = true;
  for (const { tag, permissions } of entriesOf(list)) {
    if (tag === USER_OBJ) bits |= permissions << 6;
    else if (tag === GROUP_OBJ) bits |= permissions << 3;
    else if (tag === OTHER) bits |= permissions;
    else isWhole = false;
    if (tag === MASK) bits = (bits & ~0o070) | (permissions << 3);
  }
  return { bits, isWhole };
}

/** posix_acl_chmod(): a copy of an access list that says what `mode` says. */
export function withMode(list: Uint8Array, mode: number): Uint8Array {
  const copy = list.slice();
  const entries = entriesOf(copy);
  const group = entries.find(({ tag }) => tag === MASK) ?? entries.find(({ tag }) => tag === GROUP_OBJ);
  for (const entry of entries) {
    if (entry.tag === USER_OBJ) entry.permissions = (mode >> 6) & 7;
    else if (entry === group) entry.permissions = (mode >> 3) & 7;
    else if (entry.tag === OTHER) entry.permissions = mode & 7;
  }
  write(copy, entries);
  return copy;
}

/**
 * posix_acl_create(): the access list and the mode of what is made with `mode` in a directory with this default list. The
 * access list is undefined when the mode says it all.
 */
export function inherit(
  defaults: Uint8Array,
  mode: number,
): { access: Uint8Array | undefined; mode: number } {
  const access = defaults.slice();
  const entries = entriesOf(access);
  const group = entries.find(({ tag }) => tag === MASK) ?? entries.find(({ tag }) => tag === GROUP_OBJ);
  let isWhole = true;
  let bits = 0;
  for (const entry of entries) {
    if (entry.tag === USER_OBJ) {
      entry.permissions &= (mode >> 6) & 7;
      bits |= entry.permissions << 6;
    } else if (entry.tag === OTHER) {
      entry.permissions &= mode & 7;
      bits |= entry.permissions;
    } else if (entry === group) {
      entry.permissions &= (mode >> 3) & 7;
      bits |= entry.permissions << 3;
    }
    if (entry.tag === USER || entry.tag === GROUP || entry.tag === MASK) isWhole = false;
  }
  write(access, entries);
  return { access: isWhole ? undefined : access, mode: (mode & ~0o777) | bits };
}
