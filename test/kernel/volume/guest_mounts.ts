/** In a guest: tries mounts in ways that have one right answer each, and writes the answers to `answers`. */
import { closeSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { errnoName } from '@vexfs/fuse/system';
import koffi from 'koffi';
import { insert, setMeta } from '../../parity/client/vector_calls.js';
import { ioctlBytes, setXattr } from '../../parity/operations/calls.js';
import { MS_RDONLY, MS_REMOUNT, mountVolume, unmountVolume, withLoop } from './mounting.js';

const [mountpoint, folder] = process.argv.slice(2) as [string, string];
const FIFREEZE = 0xc0045877;
const FITHAW = 0xc0045878;
const answers: Record<string, unknown> = {};
const image = (name: string): string => join(folder, name);

function code(work: () => unknown): string {
  try {
    work();
    return 'ok';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
}

/** Mounts, unless that is refused, and looks whether it can be unmounted again. */
function attempt(device: string, flags?: number, options?: string): string {
  const mounted = mountVolume(device, mountpoint, flags, options);
  if (mounted !== 'ok') return mounted;
  const unmounted = unmountVolume(mountpoint);
  return unmounted === 'ok' ? 'ok' : `mounted, but umount: ${unmounted}`;
}

function changes(): Record<string, unknown> {
  const path = join(mountpoint, 'rows');
  const fd = openSync(path, 'r');
  const flags = Buffer.alloc(8);
  const refused = {
    create: code(() => openSync(join(mountpoint, 'new'), 'w')),
    openToWrite: code(() => openSync(path, 'r+')),
    write: code(() => writeSync(fd, 'x')),
    xattr: setXattr(path, 'user.x', 'x'),
    flags: ioctlBytes(fd, 0x40086602, flags),
    setMeta: setMeta(fd, { dimensions: 4 }),
    insert: insert(fd, [1, 2, 3, 4], { dimensions: 4 }),
    remount: mountVolume('none', mountpoint, MS_REMOUNT | MS_RDONLY),
  };
  closeSync(fd);
  return refused;
}

/** From writing to reading and back, and frozen between; each leaves a volume that needs no replay. */
function remounts(device: string): Array<number | string> {
  const outcomes: Array<number | string> = [
    mountVolume(device, mountpoint, 0, 'errors=remount-ro'),
    mountVolume('none', mountpoint, MS_REMOUNT | MS_RDONLY),
    mountVolume('none', mountpoint, MS_REMOUNT),
  ];
  const folder = openSync(mountpoint, 'r');
  outcomes.push(ioctlBytes(folder, FIFREEZE, Buffer.alloc(4)), ioctlBytes(folder, FITHAW, Buffer.alloc(4)));
  closeSync(folder);
  outcomes.push(unmountVolume(mountpoint));
  return outcomes;
}

/** Without access lists, which a remount for something else does not bring back. */
function withoutLists(device: string): Array<string | boolean> {
  const isShown = (): boolean =>
    readFileSync('/proc/mounts', 'utf8')
      .split('\n')
      .some((line) => line.includes(` ${mountpoint} `) && /[, ]noacl[, ]/.test(line));
  return [
    mountVolume(device, mountpoint, 0, 'noacl'),
    isShown(),
    mountVolume('none', mountpoint, MS_REMOUNT, 'errors=continue'),
    isShown(),
    mountVolume('none', mountpoint, MS_REMOUNT, 'acl'),
    isShown(),
    unmountVolume(mountpoint),
  ];
}

const libc = koffi.load(null);
const nameToHandle = libc.func('name_to_handle_at', 'int', ['int', 'str', 'void *', 'void *', 'int']);
const openByHandle = libc.func('open_by_handle_at', 'int', ['int', 'void *', 'int']);
const AT_FDCWD = -100;
/** struct file_handle: length, type, then inode number and generation. */
const HANDLE_BYTES = 8 + 128;

/** Opens a file by its handle, and by handles that are no file's. */
function handles(): Record<string, unknown> {
  const handle = Buffer.alloc(HANDLE_BYTES);
  handle.writeUInt32LE(128, 0);
  if (nameToHandle(AT_FDCWD, join(mountpoint, 'file'), handle, Buffer.alloc(8), 0) !== 0)
    return { handle: errnoName(-koffi.errno()) };
  writeFileSync('/proc/sys/vm/drop_caches', '3');
  const folder = openSync(mountpoint, 'r');
  const open = (bytes: Buffer): string => {
    const fd = openByHandle(folder, bytes, 0);
    if (fd < 0) return errnoName(-koffi.errno());
    const content = readFileSync(fd, 'utf8');
    closeSync(fd);
    return content;
  };
  const changed = (at: number, value: number): Buffer => {
    const other = Buffer.from(handle);
    other.writeUInt32LE(value, at);
    return other;
  };
  const found = {
    handle: open(handle),
    otherGeneration: open(changed(12, (handle.readUInt32LE(12) ^ 1) >>> 0)),
    freeInode: open(changed(8, 1_000)),
    reservedInode: open(changed(8, 5)),
    noInode: open(changed(8, 0xffff_fff0)),
  };
  closeSync(folder);
  return found;
}

withLoop(image('clean'), [], (device) => {
  answers.toWrite = attempt(device, 0);
  answers.toWriteWithoutReplay = attempt(device, 0, 'noload');
  answers.remounts = remounts(device);
  answers.withoutLists = withoutLists(device);
  answers.unknownOption = attempt(device, MS_RDONLY, 'colour=red');
  answers.noload = attempt(device, MS_RDONLY, 'noload');
  answers.mount = mountVolume(device, mountpoint);
  answers.changes = changes();
  answers.handles = handles();
  answers.unmount = unmountVolume(mountpoint);
});
withLoop(image('clean'), ['--read-only'], (device) => {
  answers.cleanOnReadOnlyDevice = attempt(device);
});
withLoop(image('dirty'), ['--read-only'], (device) => {
  answers.dirtyOnReadOnlyDevice = attempt(device);
  answers.dirtyWithoutReplay = attempt(device, MS_RDONLY, 'noload');
});
withLoop(image('dirty'), [], (device) => {
  answers.dirty = mountVolume(device, mountpoint);
  // The journal that was replayed is opened a second time.
  answers.dirtyToWriting = mountVolume('none', mountpoint, MS_REMOUNT);
  answers.written = code(() => writeFileSync(join(mountpoint, 'newest'), ''));
  answers.dirtyUnmounted = unmountVolume(mountpoint);
});
withLoop(image('dirty'), ['--read-only'], (device) => {
  answers.replayed = attempt(device);
});
withLoop(image('large blocks'), [], (device) => {
  answers.largeBlocks = attempt(device);
});
withLoop(image('cut off'), [], (device) => {
  answers.cutOff = attempt(device);
});
withLoop(image('zeros'), [], (device) => {
  answers.zeros = attempt(device);
});
// What is kept for mounts is given back: a hundred of them end as the first.
withLoop(image('clean'), [], (device) => {
  const outcomes = new Set<string>();
  for (let i = 0; i < 100; i++) outcomes.add(attempt(device));
  answers.hundred = [...outcomes];
});
writeFileSync(join(process.env.VEXFS_EXCHANGE!, 'answers'), JSON.stringify(answers));
