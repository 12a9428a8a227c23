/** A folder with one file in it: what a thread answers to everything but the calls on the file. */

import {
  type Attributes,
  appendDirent,
  encodeAttrOut,
  encodeEntryOut,
  encodeStatfsOut,
  FATTR,
  FOPEN,
  FULL,
  nameEnd,
  OPCODE,
  openIn,
  openOut,
  ROOT_ID,
  readIn,
  setattrIn,
  timeout,
} from '../protocol/index.js';
import { Connection, type Request } from '../server/connection.js';
import { errno } from '../system/index.js';

/** The name of the file. */
export const FILE_NAME = 'vss';
const FILE_ID = 2;
const NAME = Buffer.from(FILE_NAME);
const AT = Connection.PAYLOAD_AT;

const S_IFDIR = 0o40000;
const S_IFREG = 0o100000;
const PERMISSIONS = 0o7777;
/** Owners change it by chmod(2) and chown(2). */
const FILE_MODE = 0o600;
const FOLDER_MODE = 0o555;
/** Other threads may change owner and mode, but only at the kernel's request, which then knows. */
const KEPT = timeout(86_400);

/** Shared words: mode, user and group of the file. */
const MODE = 0;
const USER = 1;
const GROUP = 2;

/** What a thread is told of the file. */
export interface FileHandle {
  readonly owner: SharedArrayBuffer;
  /** Seconds since the epoch. */
  readonly since: number;
}

export function createFile(): FileHandle {
  const owner = new SharedArrayBuffer(12);
  new Uint32Array(owner).set([FILE_MODE, process.getuid?.() ?? 0, process.getgid?.() ?? 0]);
  return { owner, since: Math.floor(Date.now() / 1000) };
}

export class VssFilesystem {
  readonly #file: Uint32Array;
  readonly #since: number;
  readonly #connection: Connection;

  constructor(handle: FileHandle, connection: Connection) {
    this.#file = new Uint32Array(handle.owner);
    this.#since = handle.since;
    this.#connection = connection;
  }

  /** Returns the length of the payload that stands at PAYLOAD_AT, or -errno. */
  answer(request: Request): number {
    switch (request.opcode) {
      case OPCODE.LOOKUP:
        return this.#lookup(request);
      case OPCODE.GETATTR:
        return this.#attributes(request.nodeid);
      case OPCODE.SETATTR:
        return this.#setAttributes(request);
      case OPCODE.OPEN:
        // Whether it may read or write is all that is known of a descriptor.
        return this.#opened(
          openIn.flags.get(request.view, request.body),
          FOPEN.DIRECT_IO | FOPEN.NONSEEKABLE,
        );
      case OPCODE.OPENDIR:
        return this.#opened(0, 0);
      case OPCODE.READDIR:
        return this.#readFolder(request);
      case OPCODE.STATFS:
        return this.#counts();
      case OPCODE.RELEASE:
      case OPCODE.RELEASEDIR:
        return 0;
      case OPCODE.READ:
      case OPCODE.WRITE:
      case OPCODE.FSYNC:
        return -errno.EINVAL;
      case OPCODE.MKNOD:
      case OPCODE.MKDIR:
      case OPCODE.SYMLINK:
      case OPCODE.LINK:
      case OPCODE.UNLINK:
      case OPCODE.RMDIR:
      case OPCODE.RENAME:
      case OPCODE.RENAME2:
        return -errno.EPERM;
      default:
        return -errno.ENOSYS;
    }
  }

  #describe(nodeid: number): Attributes {
    const isFile = nodeid === FILE_ID;
    const time = this.#since;
    return {
      ino: nodeid,
      size: 0,
      blocks: 0,
      ...{ atime: time, mtime: time, ctime: time, atimensec: 0, mtimensec: 0, ctimensec: 0 },
      mode: isFile ? S_IFREG | this.#file[MODE]! : S_IFDIR | FOLDER_MODE,
      nlink: isFile ? 1 : 2,
      uid: this.#file[USER]!,
      gid: this.#file[GROUP]!,
      rdev: 0,
      blksize: 4096,
    };
  }

  #lookup({ bytes, body, end, nodeid }: Request): number {
    const name = bytes.subarray(body, nameEnd(bytes, body, end));
    if (nodeid !== ROOT_ID || Buffer.compare(name, NAME) !== 0) return -errno.ENOENT;
    return encodeEntryOut(this.#connection.output.view, AT, FILE_ID, 0, this.#describe(FILE_ID), KEPT, KEPT);
  }

  #attributes(nodeid: number): number {
    return encodeAttrOut(this.#connection.output.view, AT, this.#describe(nodeid), KEPT);
  }

  /** Mode and owner change; length and times stay as they are, as those of a device. */
  #setAttributes({ view, body, nodeid }: Request): number {
    if (nodeid !== FILE_ID) return -errno.EPERM;
    const valid = setattrIn.valid.get(view, body);
    if ((valid & FATTR.SIZE) !== 0 && setattrIn.size.get(view, body) !== 0) return -errno.EINVAL;
    if ((valid & FATTR.MODE) !== 0) this.#file[MODE] = setattrIn.mode.get(view, body) & PERMISSIONS;
    if ((valid & FATTR.UID) !== 0) this.#file[USER] = setattrIn.uid.get(view, body);
    if ((valid & FATTR.GID) !== 0) this.#file[GROUP] = setattrIn.gid.get(view, body);
    return this.#attributes(nodeid);
  }

  #opened(handle: number, flags: number): number {
    const { view } = this.#connection.output;
    openOut.fh.set(view, AT, handle);
    openOut.open_flags.set(view, AT, flags);
    openOut.padding.set(view, AT, 0);
    return openOut.$.size;
  }

  /** The cookie of an entry is how many come before the next. */
  #readFolder({ view, body }: Request): number {
    const limit = AT + Math.min(readIn.size.get(view, body), this.#connection.output.bytes.length - AT);
    const entries = [
      { ino: ROOT_ID, type: S_IFDIR >> 12, name: Buffer.from('.') },
      { ino: ROOT_ID, type: S_IFDIR >> 12, name: Buffer.from('..') },
      { ino: FILE_ID, type: S_IFREG >> 12, name: NAME },
    ];
    let end = AT;
    for (let i = readIn.offset.get(view, body); i < entries.length; i++) {
      const entry = { ...entries[i]!, cookieHigh: 0, cookieLow: i + 1 };
      const next = appendDirent(this.#connection.output, end, limit, entry);
      if (next === FULL) break;
      end = next;
    }
    return end - AT;
  }

  #counts(): number {
    const none = { blocks: 0, bfree: 0, bavail: 0, files: 1, ffree: 0 };
    return encodeStatfsOut(this.#connection.output.view, AT, { ...none, bsize: 4096, namelen: 255 });
  }
}
