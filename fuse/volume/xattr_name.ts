import { constants } from 'node:os';
import {
  XATTR_ACL_ACCESS,
  XATTR_ACL_DEFAULT,
  XATTR_SECURITY,
  XATTR_TRUSTED,
  XATTR_USER,
} from '@vexfs/shared';
import { FsError } from './errors.js';

const { ERANGE } = constants.errno;

/** XATTR_NAME_MAX of include/uapi/linux/limits.h: bytes of a full name. */
export const MAX_XATTR_NAME = 255;

/** The name of an extended attribute as the volume stores it. */
export interface XattrName {
  /** One of XATTR_USER and so on. */
  readonly space: number;
  /** What follows the prefix; empty for the two access control lists. */
  readonly name: Uint8Array;
}

interface NameSpace {
  readonly space: number;
  readonly prefix: Uint8Array;
  /** Whether the prefix is the whole name. */
  readonly isWhole: boolean;
}

const SPACES: readonly NameSpace[] = [
  { space: XATTR_USER, prefix: Buffer.from('user.'), isWhole: false },
  { space: XATTR_TRUSTED, prefix: Buffer.from('trusted.'), isWhole: false },
  { space: XATTR_SECURITY, prefix: Buffer.from('security.'), isWhole: false },
  { space: XATTR_ACL_ACCESS, prefix: Buffer.from('system.posix_acl_access'), isWhole: true },
  { space: XATTR_ACL_DEFAULT, prefix: Buffer.from('system.posix_acl_default'), isWhole: true },
];

/**
 * Splits a full name. Undefined when no name space of the format has it, or when nothing follows the prefix: the
 * caller answers EOPNOTSUPP. Throws FsError(ERANGE) for more than 255 bytes.
 */
export function parseName(full: Uint8Array): XattrName | undefined {
  if (full.length > MAX_XATTR_NAME) throw new FsError(ERANGE, `an attribute name has ${full.length} bytes`);
  for (const { space, prefix, isWhole } of SPACES) {
    if (full.length < prefix.length || Buffer.compare(full.subarray(0, prefix.length), prefix) !== 0)
      continue;
    const name = full.subarray(prefix.length);
    if (isWhole !== (name.length === 0)) continue;
    return { space, name };
  }
  return undefined;
}

/** Whether a full name is the prefix of a name space and nothing more. */
export function isPrefix(full: Uint8Array): boolean {
  return SPACES.some(({ prefix, isWhole }) => !isWhole && Buffer.compare(full, prefix) === 0);
}

/** The prefix of a name space; undefined when the format has no such space. */
export function prefixOf(space: number): Uint8Array | undefined {
  return SPACES[space - 1]?.prefix;
}

/** Whether a stored name of this length is one that `parseName` can give. */
export function isPlausible(space: number, length: number): boolean {
  const found = SPACES[space - 1];
  if (found === undefined) return false;
  return found.isWhole ? length === 0 : length > 0 && found.prefix.length + length <= MAX_XATTR_NAME;
}
