import {
  appendDirent,
  appendDirentOnly,
  appendDirentPlus,
  type DirectoryEntry,
  FULL,
  openIn,
  openOut,
  readIn,
} from '../../protocol/index.js';
import { Connection, type Request } from '../../server/connection.js';
import { errno } from '../../system/index.js';
import { directory, FsError, type Inode, NeedRead, visible } from '../../volume/index.js';
import type { Filesystem } from '../filesystem.js';
import { touchAtime } from './files.js';

const AT = Connection.PAYLOAD_AT;
const DT_DIR = 4;
const DOT = Uint8Array.of(0x2e);
const DOT_DOT = Uint8Array.of(0x2e, 0x2e);

export function opendir(fs: Filesystem, request: Request): void {
  const inode = fs.inode(request.nodeid);
  if (!inode.isDirectory) throw new FsError(errno.ENOTDIR);
  const out = fs.connection.output.view;
  openOut.fh.set(out, AT, fs.known.open(inode.number, openIn.flags.get(request.view, request.body)));
  openOut.open_flags.set(out, AT, 0);
  openOut.padding.set(out, AT, 0);
  fs.connection.send(request.unique, openOut.$.size);
}

export function readdir(fs: Filesystem, request: Request): void {
  list(fs, request, false);
}

export function readdirplus(fs: Filesystem, request: Request): void {
  list(fs, request, true);
}

/** Entries from the cookie on. Cookie 0 is ".", 1 is ".."; an entry's own cookie plus one is where reading goes on. */
function list(fs: Filesystem, request: Request, plus: boolean): void {
  const { view, body } = request;
  const dir = fs.inode(request.nodeid);
  if (!dir.isDirectory) throw new FsError(errno.ENOTDIR);
  const { flags } = fs.known.handle(readIn.fh.get(view, body));
  const size = Math.min(readIn.size.get(view, body), fs.connection.output.bytes.length - AT);
  const limit = AT + size;
  const offset = body + readIn.offset.offset;
  let low = view.getUint32(offset, true);
  const high = view.getUint32(offset + 4, true);
  let at = AT;
  const target = fs.connection.output;
  const dots: Array<[Uint8Array, number]> = [
    [DOT, dir.number],
    [DOT_DOT, dir.parent],
  ];
  while (high === 0 && low < 2) {
    const [name, ino] = dots[low]!;
    const entry = { ino, cookieHigh: 0, cookieLow: low + 1, type: DT_DIR, name };
    const end = plus ? appendDirentOnly(target, at, limit, entry) : appendDirent(target, at, limit, entry);
    if (end === FULL) {
      fs.connection.send(request.unique, at - AT);
      return;
    }
    at = end;
    low += 1;
  }
  const append: directory.EntryVisitor = (name, ino, type, cookieHi, cookieLo) => {
    const cookieLow = (cookieLo + 1) >>> 0;
    const entry = { ino, cookieHigh: cookieLow === 0 ? cookieHi + 1 : cookieHi, cookieLow, type, name };
    let end: number;
    if (plus) {
      end = appendWithAttributes(fs, at, limit, entry);
    } else {
      end = appendDirent(target, at, limit, entry);
    }
    if (end === FULL) return false;
    at = end;
    return true;
  };
  try {
    directory.iterate(fs.volume, dir, { hi: high, lo: low }, append);
  } catch (error) {
    // What the kernel was promised so far is told now; the next call waits for the rest.
    if (!(error instanceof NeedRead) || at === AT) throw error;
  }
  fs.connection.send(request.unique, at - AT);
  touchAtime(fs, dir, flags);
}

/**
 * An entry that saves the kernel a lookup; of an inode that it knows as it is, the name alone: each new answer makes it forget
 * the access list. Of an inode that is damaged too, so that the others can be listed.
 */
function appendWithAttributes(fs: Filesystem, at: number, limit: number, entry: DirectoryEntry): number {
  const target = fs.connection.output;
  if (fs.known.keepsAttributes(entry.ino)) return appendDirentOnly(target, at, limit, entry);
  let inode: Inode;
  try {
    inode = visible(fs.volume, entry.ino);
  } catch (error) {
    if (fs.errnoOf(error) === undefined) throw error;
    return appendDirentOnly(target, at, limit, entry);
  }
  const { generation } = inode;
  const attributes = fs.attributesOf(inode);
  const end = appendDirentPlus(
    target,
    at,
    limit,
    entry,
    entry.ino,
    generation,
    attributes,
    fs.entryTimeout,
    fs.attributeTimeout,
  );
  if (end !== FULL) {
    fs.known.remember(entry.ino);
    fs.known.outdated.delete(entry.ino);
  }
  return end;
}
