import {
  batchForgetIn,
  createIn,
  encodeEntryOut,
  encodeNoEntry,
  forgetIn,
  forgetOne,
  linkIn,
  mkdirIn,
  mknodIn,
  nameEnd,
  openOut,
  rename2In,
  renameIn,
} from '../../protocol/index.js';
import { Connection, type Request } from '../../server/connection.js';
import { errno } from '../../system/index.js';
import {
  createInode,
  FsError,
  type Inode,
  linkName,
  lookupName,
  readContent,
  removeDirectory,
  renameName,
  unlinkName,
} from '../../volume/index.js';
import type { Filesystem } from '../filesystem.js';
import { inheritFrom, storeLists } from '../new_inode.js';
import { openFlags, touchAtime } from './files.js';

const AT = Connection.PAYLOAD_AT;
const S_IFDIR = 0o040000;
const S_IFLNK = 0o120000;
const S_IFREG = 0o100000;
const S_IFMT = 0o170000;
/** What mknod(2) makes: files, pipes, sockets, devices. */
const NODE_TYPES = [S_IFREG, 0o010000, 0o140000, 0o020000, 0o060000];
const MAX_TARGET = 4095;
const SLASH = 0x2f;

/** The name at `at` and where the next one begins. The bytes are a copy: they outlive the request. */
function nameAt(request: Request, at: number): { name: Uint8Array; next: number } {
  const end = nameEnd(request.bytes, at, request.end);
  if (end < 0) throw new FsError(errno.EINVAL);
  if (end - at > 255) throw new FsError(errno.ENAMETOOLONG);
  return { name: request.bytes.slice(at, end), next: end + 1 };
}

/** The same for a name that an entry has or is to have: the kernel sends no other, and a volume must not have any. */
function entryNameAt(request: Request, at: number): { name: Uint8Array; next: number } {
  const found = nameAt(request, at);
  if (isDot(found.name) || isDotDot(found.name) || found.name.includes(SLASH))
    throw new FsError(errno.EINVAL);
  return found;
}

function entry(fs: Filesystem, at: number, inode: Inode): number {
  const size = encodeEntryOut(
    fs.connection.output.view,
    at,
    inode.number,
    inode.generation,
    fs.attributesOf(inode),
    fs.entryTimeout,
    fs.attributeTimeout,
  );
  // Last, when nothing can fail any more: what the kernel was not told it will never forget.
  fs.known.remember(inode.number);
  return size;
}

const DOT = 0x2e;
const isDot = (name: Uint8Array): boolean => name.length === 1 && name[0] === DOT;
const isDotDot = (name: Uint8Array): boolean => name.length === 2 && name[0] === DOT && name[1] === DOT;

/** Names are looked up; "." of any inode and ".." of a directory only for file handles that the kernel decodes. */
export function lookup(fs: Filesystem, request: Request): void {
  const { name } = nameAt(request, request.body);
  const parent = fs.inode(request.nodeid);
  const inode = isDot(name)
    ? parent
    : isDotDot(name)
      ? fs.inode(parent.parent)
      : lookupName(fs.volume, parent, name);
  const size =
    inode === undefined
      ? encodeNoEntry(fs.connection.output.view, AT, fs.entryTimeout)
      : entry(fs, AT, inode);
  fs.connection.send(request.unique, size);
}

export function forget(fs: Filesystem, request: Request): void {
  fs.known.forget(request.nodeid, forgetIn.nlookup.get(request.view, request.body));
}

export function batchForget(fs: Filesystem, request: Request): void {
  const count = batchForgetIn.count.get(request.view, request.body);
  let at = request.body + batchForgetIn.$.size;
  for (let i = 0; i < count && at + forgetOne.$.size <= request.end; i++) {
    fs.known.forget(forgetOne.nodeid.get(request.view, at), forgetOne.nlookup.get(request.view, at));
    at += forgetOne.$.size;
  }
}

/** Makes an inode with a name, as its directory and its caller say. */
function make(
  fs: Filesystem,
  request: Request,
  name: Uint8Array,
  mode: number,
  umask: number,
  extra: { rdev?: number; target?: Uint8Array } = {},
): Inode {
  fs.requireWritable();
  const parent = fs.inode(request.nodeid);
  const inherited = inheritFrom(fs, parent, request, mode, umask);
  const attributes = { ...inherited, rdev: extra.rdev ?? 0 };
  const inode = createInode(fs.volume, parent, name, attributes, fs.now(), extra.target);
  storeLists(fs, inode, inherited);
  return inode;
}

export function mkdir(fs: Filesystem, request: Request): void {
  const { view, body } = request;
  const { name } = entryNameAt(request, body + mkdirIn.$.size);
  const mode = S_IFDIR | (mkdirIn.mode.get(view, body) & 0o7777);
  const inode = make(fs, request, name, mode, mkdirIn.umask.get(view, body));
  fs.connection.send(request.unique, entry(fs, AT, inode));
}

export function mknod(fs: Filesystem, request: Request): void {
  const { view, body } = request;
  const { name } = entryNameAt(request, body + mknodIn.$.size);
  const rdev = mknodIn.rdev.get(view, body);
  const mode = mknodIn.mode.get(view, body);
  if (!NODE_TYPES.includes(mode & S_IFMT)) throw new FsError(errno.EINVAL);
  const inode = make(fs, request, name, mode, mknodIn.umask.get(view, body), { rdev });
  fs.connection.send(request.unique, entry(fs, AT, inode));
}

export function create(fs: Filesystem, request: Request): void {
  const { view, body } = request;
  const { name } = entryNameAt(request, body + createIn.$.size);
  const mode = S_IFREG | (createIn.mode.get(view, body) & 0o7777);
  const inode = make(fs, request, name, mode, createIn.umask.get(view, body));
  sendOpened(fs, request, inode);
}

/** The reply of CREATE and TMPFILE: an entry and an open file. */
export function sendOpened(fs: Filesystem, request: Request, inode: Inode): void {
  const size = entry(fs, AT, inode);
  const out = fs.connection.output.view;
  const flags = createIn.flags.get(request.view, request.body);
  openOut.fh.set(out, AT + size, fs.known.open(inode.number, flags));
  openOut.open_flags.set(out, AT + size, openFlags(fs, inode, flags));
  openOut.padding.set(out, AT + size, 0);
  fs.connection.send(request.unique, size + openOut.$.size);
}

export function symlink(fs: Filesystem, request: Request): void {
  const { name, next } = entryNameAt(request, request.body);
  const end = nameEnd(request.bytes, next, request.end);
  if (end < 0) throw new FsError(errno.ENOENT);
  if (end - next > MAX_TARGET) throw new FsError(errno.ENAMETOOLONG);
  const target = request.bytes.slice(next, end);
  const inode = make(fs, request, name, S_IFLNK | 0o777, 0, { target });
  fs.connection.send(request.unique, entry(fs, AT, inode));
}

export function readlink(fs: Filesystem, request: Request): void {
  const inode = fs.inode(request.nodeid);
  if ((inode.mode & S_IFMT) !== S_IFLNK) throw new FsError(errno.EINVAL);
  const { size } = inode;
  const into = fs.connection.output.bytes.subarray(AT, AT + Math.min(size, MAX_TARGET));
  if (size <= inode.root.length) into.set(inode.root.subarray(0, size));
  else readContent(fs.volume, inode, 0, into);
  fs.connection.send(request.unique, into.length);
  touchAtime(fs, inode, 0);
}

export function link(fs: Filesystem, request: Request): void {
  fs.requireWritable();
  const { name } = entryNameAt(request, request.body + linkIn.$.size);
  const inode = fs.inode(linkIn.oldnodeid.get(request.view, request.body));
  if (inode.isDirectory) throw new FsError(errno.EPERM);
  linkName(fs.volume, fs.inode(request.nodeid), name, inode, fs.now());
  fs.connection.send(request.unique, entry(fs, AT, inode));
}

export function unlink(fs: Filesystem, request: Request): void {
  fs.requireWritable();
  const { name } = entryNameAt(request, request.body);
  const { inode } = unlinkName(fs.volume, fs.inode(request.nodeid), name, fs.now());
  if (inode !== undefined) fs.known.bury(inode);
  fs.connection.send(request.unique, 0);
}

export function rmdir(fs: Filesystem, request: Request): void {
  fs.requireWritable();
  const { name } = entryNameAt(request, request.body);
  const { inode } = removeDirectory(fs.volume, fs.inode(request.nodeid), name, fs.now());
  if (inode !== undefined) fs.known.bury(inode);
  fs.connection.send(request.unique, 0);
}

function renameTo(fs: Filesystem, request: Request, newdir: number, at: number, flags: number): void {
  fs.requireWritable();
  const from = entryNameAt(request, at);
  const to = entryNameAt(request, from.next);
  const { inode } = renameName(
    fs.volume,
    fs.inode(request.nodeid),
    from.name,
    fs.inode(newdir),
    to.name,
    flags,
    fs.now(),
  );
  if (inode !== undefined) fs.known.bury(inode);
  fs.connection.send(request.unique, 0);
}

export function rename(fs: Filesystem, request: Request): void {
  renameTo(fs, request, renameIn.newdir.get(request.view, request.body), request.body + renameIn.$.size, 0);
}

export function rename2(fs: Filesystem, request: Request): void {
  const { view, body } = request;
  renameTo(
    fs,
    request,
    rename2In.newdir.get(view, body),
    body + rename2In.$.size,
    rename2In.flags.get(view, body),
  );
}
