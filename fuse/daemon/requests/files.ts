import { INODE_APPEND, INODE_NOATIME, INODE_SYNC } from '@vexfs/shared';
import {
  FOPEN,
  openIn,
  openOut,
  readIn,
  releaseIn,
  WRITE_CACHE,
  WRITE_KILL_SUIDGID,
  writeIn,
  writeOut,
} from '../../protocol/index.js';
import { Connection, type Request } from '../../server/connection.js';
import { errno, O_APPEND, O_DSYNC, preadCached } from '../../system/index.js';
import {
  FsError,
  forSegments,
  type Inode,
  NeedCommit,
  requireMutable,
  requireUnrestricted,
  writeContent,
} from '../../volume/index.js';
import { announce } from '../announcements.js';
import { READ_QUEUE, SPARE } from '../exchange.js';
import type { Filesystem } from '../filesystem.js';
import { FreshRows, writeBack } from '../fresh_rows.js';
import { anyJob, JOB, readJob } from '../jobs.js';
import { OverwrittenRows } from '../overwritten_rows.js';
import { Park } from '../park.js';
import { stripCapability, stripPrivileges } from '../privileges.js';
import { ENGINE_PAYLOAD_PAIRS } from '../segments.js';
import { noteWritten } from '../unfinished_append.js';

const AT = Connection.PAYLOAD_AT;
const DAY = 86400;
const O_NOATIME = 0o1000000;
const O_ACCMODE = 3;

/**
 * Flags of every open: the page cache stays, because this daemon says what changed behind it. An append-only file that is open
 * for writing is not to be mapped: the kernel does not know of the flag, and stores would change what stands there.
 */
export function openFlags(fs: Filesystem, inode: Inode, flags: number): number {
  if (!inode.isRegular) return 0;
  const mayStore = (inode.flags & INODE_APPEND) !== 0 && (flags & O_ACCMODE) !== 0;
  return fs.directIo || mayStore ? FOPEN.DIRECT_IO : FOPEN.KEEP_CACHE;
}

export function open(fs: Filesystem, request: Request): void {
  const inode = fs.inode(request.nodeid);
  if (inode.isDirectory) throw new FsError(errno.EISDIR);
  const flags = openIn.flags.get(request.view, request.body);
  if ((flags & O_ACCMODE) !== 0 && inode.isRegular) {
    if ((flags & O_APPEND) === 0) requireUnrestricted(inode);
    else requireMutable(inode);
  }
  const out = fs.connection.output.view;
  openOut.fh.set(out, AT, fs.known.open(inode.number, flags));
  openOut.open_flags.set(out, AT, openFlags(fs, inode, flags));
  openOut.padding.set(out, AT, 0);
  fs.connection.send(request.unique, openOut.$.size);
}

export function release(fs: Filesystem, request: Request): void {
  fs.known.release(releaseIn.fh.get(request.view, request.body));
  fs.connection.send(request.unique, 0);
}

/**
 * Nothing waits for a close: data went to the image with the write, and fsync is there for who wants more. ENOSYS tells the
 * kernel so: it still writes back what was stored through mappings, and does not ask again.
 */
export function flush(): void {
  throw new FsError(errno.ENOSYS);
}

export function fsync(fs: Filesystem, request: Request): void {
  const { unique } = request;
  if (fs.readOnly) {
    fs.connection.send(unique, 0);
    return;
  }
  fs.commits.whenDurable((code) => reply(fs, unique, code));
}

function reply(fs: Filesystem, unique: number, code: number): void {
  if (code === 0) fs.connection.send(unique, 0);
  else fs.connection.fail(unique, code);
}

/** By relatime a read counts when it is the first since a change, or since a day. */
export function touchAtime(fs: Filesystem, inode: Inode, flags: number): void {
  if (fs.readOnly || fs.commits.failed !== 0 || (flags & O_NOATIME) !== 0) return;
  if ((inode.flags & INODE_NOATIME) !== 0) return;
  const { accessTimes, directoryTimes } = fs.timeKeeping;
  if (accessTimes === 'noatime' || (inode.isDirectory && !directoryTimes)) return;
  const { atime, mtime, ctime } = inode;
  const now = fs.now();
  const older = (than: { seconds: number; nanoseconds: number }): boolean =>
    atime.seconds < than.seconds || (atime.seconds === than.seconds && atime.nanoseconds <= than.nanoseconds);
  const isRecent = !older(mtime) && !older(ctime) && now.seconds - atime.seconds < DAY;
  if (isRecent && accessTimes === 'relatime') return;
  inode.atime = now;
  inode.markDirty();
}

export function read(fs: Filesystem, request: Request): void {
  const { view, body, unique } = request;
  const inode = fs.inode(request.nodeid);
  if (!inode.isRegular) throw new FsError(inode.isDirectory ? errno.EISDIR : errno.EINVAL);
  const { flags } = fs.known.handle(readIn.fh.get(view, body));
  const offset = readIn.offset.get(view, body);
  const room = fs.connection.output.bytes.length - AT;
  const length = Math.max(0, Math.min(readIn.size.get(view, body), room, inode.size - offset));
  if (length === 0) {
    fs.connection.send(unique, 0);
    return;
  }
  const { address, bytes } = fs.connection.output;
  let cold = false;
  forSegments(fs.volume, inode, offset, length, (position, at, count) => {
    const into = AT + (at - offset);
    if (position < 0) bytes.fill(0, into, into + count);
    else if (!cold) cold = preadCached(fs.device.fd, address + into, count, position) !== count;
  });
  if (cold) readCold(fs, unique, inode, offset, length);
  else fs.connection.send(unique, length);
  touchAtime(fs, inode, flags);
}

/** What the page cache does not hold is read by a thread of its own, which replies too. */
function readCold(fs: Filesystem, unique: number, inode: Inode, offset: number, length: number): void {
  const slot = fs.exchange.take(SPARE.read);
  if (slot === undefined) throw new Park();
  const { fields } = slot;
  const pairs = new Float64Array(slot.bytes.buffer, slot.bytes.byteOffset, ENGINE_PAYLOAD_PAIRS * 2);
  let count = 0;
  let covered = 0;
  forSegments(fs.volume, inode, offset, length, (position, _at, bytes) => {
    if (count === ENGINE_PAYLOAD_PAIRS) return;
    pairs[count * 2] = position;
    pairs[count * 2 + 1] = bytes;
    count += 1;
    covered += bytes;
  });
  fields[anyJob.kind] = JOB.READ;
  fields[anyJob.unique] = unique;
  fields[anyJob.node] = inode.number;
  fields[readJob.segments] = count;
  fields[readJob.length] = covered;
  // Until the read is done its blocks must not become another file's.
  fs.pin(slot, () => {});
  fs.submit(READ_QUEUE, slot, unique);
}

/** A write(2), or pages that are written back, on the way. */
interface Writing {
  inode: Inode;
  readonly request: Pick<Request, 'unique' | 'pid' | 'uid' | 'gid'>;
  /** Whether these are pages that were stored to. */
  readonly isCached: boolean;
  readonly appends: boolean;
  /** Where the kernel has put the bytes, and where they go. */
  readonly asked: number;
  readonly offset: number;
  /** Bytes of it. */
  readonly size: number;
  readonly waits: boolean;
  readonly strips: boolean;
  /** Bytes that are stored. */
  done: number;
}

export function write(fs: Filesystem, request: Request): void {
  fs.requireWritable();
  const { view, body } = request;
  const inode = fs.inode(request.nodeid);
  if (!inode.isRegular) throw new FsError(errno.EINVAL);
  const size = writeIn.size.get(view, body);
  const start = body + writeIn.$.size;
  if (start + size > request.end) throw new FsError(errno.EINVAL);
  // Flags as they are now: fcntl(F_SETFL) and RWF_DSYNC change them after the open.
  const flags = writeIn.flags.get(view, body);
  const writeFlags = writeIn.write_flags.get(view, body);
  const isCached = (writeFlags & WRITE_CACHE) !== 0;
  // Pages that were changed before the flag was set still have to be written.
  if (!isCached) requireMutable(inode);
  const asked = writeIn.offset.get(view, body);
  // The kernel knows the end of every file that only it makes longer: there it asks for another place under RWF_NOAPPEND alone.
  const elsewhere = inode.vectorSet === 0 && asked !== inode.size;
  const appends = !isCached && (flags & O_APPEND) !== 0 && !elsewhere;
  if (!isCached && !appends && (flags & O_APPEND) !== 0) requireUnrestricted(inode);
  const { unique, pid, uid, gid } = request;
  const writing: Writing = {
    inode,
    request: { unique, pid, uid, gid },
    isCached,
    appends,
    asked,
    offset: appends ? inode.size : asked,
    size,
    waits: !isCached && ((flags & O_DSYNC) !== 0 || (inode.flags & INODE_SYNC) !== 0),
    strips: (writeFlags & WRITE_KILL_SUIDGID) !== 0,
    done: 0,
  };
  const bytes = request.bytes.subarray(start, start + size);
  if (storePart(fs, writing, bytes)) endWriting(fs, writing);
  else goOn(fs, writing, bytes.slice(writing.done));
}

/**
 * Stores `rest`, what is left of a write(2), or as much of its front as the transaction takes; whether that is all. What has been
 * stored counts for the rows of the file in the same transaction. Throws what keeps it from storing anything.
 */
function storePart(fs: Filesystem, writing: Writing, rest: Uint8Array): boolean {
  const { inode, isCached, size } = writing;
  const offset = writing.offset + writing.done;
  // Pages written back never lengthen a file: what lies past its end was cut off behind the kernel's back.
  const wanted = isCached ? Math.max(0, Math.min(rest.length, inode.size - offset)) : rest.length;
  const grows = inode.vectorSet !== 0 && offset + wanted > inode.size;
  // First, because it may have to read the disk: a call that fails there has changed nothing.
  if (!isCached) stripCapability(fs.volume, inode);
  if (grows) fs.vectors.beforeResize(inode, offset + wanted);
  const overwritten = OverwrittenRows.of(fs, inode, offset, wanted);
  const bytes = rest.subarray(0, wanted);
  const stored = isCached
    ? writeBack(fs, inode, offset, bytes)
    : writeContent(fs.volume, inode, offset, bytes);
  overwritten?.told();
  if (grows) fs.vectors.afterResize(inode);
  if (writing.strips) stripPrivileges(inode, writing.request.pid);
  const now = fs.now();
  inode.mtime = now;
  inode.ctime = now;
  inode.markDirty();
  fs.known.outdated.add(inode.number);
  const isWhole = stored === wanted;
  writing.done = isWhole && isCached ? size : writing.done + stored;
  return isWhole;
}

/**
 * What one transaction does not take is for the next ones, part by part, as on ext4. Where that fails, the call was shorter.
 * Meanwhile no rows are added behind the part of a row that may stand at the end of the file.
 */
function goOn(fs: Filesystem, writing: Writing, rest: Uint8Array): void {
  const { inode, request } = writing;
  const file = writing.isCached || inode.vectorSet === 0 ? undefined : fs.vectors.loaded(inode);
  const holds = file !== undefined && !file.isStoring && writing.offset + writing.size > inode.size;
  if (holds) file.isStoring = true;
  const before = writing.done;
  const store = (): void => {
    try {
      fs.requireWritable();
      fs.actFor(request.uid, request.gid);
      // Pages are written back after the last close too: the inode may have left memory meanwhile.
      writing.inode = fs.inode(inode.number);
      if (!storePart(fs, writing, rest.subarray(writing.done - before))) throw new NeedCommit();
    } catch (error) {
      if (error instanceof Park || (error instanceof NeedCommit && fs.canWait)) throw error;
      if (fs.errnoOf(error) === undefined) throw error;
    }
    if (holds) {
      file.isStoring = false;
      fs.retryAt(0);
    }
    endWriting(fs, writing);
  };
  fs.retry(() => fs.attempt(request.unique, store, () => {}));
  fs.commits.whenDurable(() => {});
}

function endWriting(fs: Filesystem, writing: Writing): void {
  const { inode, request, appends, asked, offset, done } = writing;
  const file = writing.isCached ? undefined : fs.vectors.loaded(inode);
  if (file !== undefined) noteWritten(fs, file, { appends, asked, size: done, pid: request.pid });
  const sendWritten = (): void => {
    const out = fs.connection.output.view;
    writeOut.size.set(out, AT, done);
    writeOut.padding.set(out, AT, 0);
    fs.connection.send(request.unique, writeOut.$.size);
  };
  // The kernel has put the bytes into its pages where it believed the end to be.
  if (appends && offset !== asked) {
    const from = Math.min(offset, asked);
    const fresh = file && new FreshRows(file, [{ offset: from, length: inode.size - from }]);
    announce(fs, inode, { unique: 0, from, end: inode.size, sync: false, fresh });
  }
  if (!writing.waits) {
    sendWritten();
    return;
  }
  fs.commits.whenDurable((code) => {
    if (code === 0) sendWritten();
    else fs.connection.fail(request.unique, code);
  });
}
