import { execFile } from 'node:child_process';
import {
  chownSync,
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  statfsSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import {
  isMounted,
  MountError,
  mountFuse,
  mountOn,
  mountsOf,
  openFuseDevice,
  parseMountOptions,
} from '@vexfs/fuse/mount';
import { encodeDelete, encodeInvalEntry, encodeInvalInode, encodeStore } from '@vexfs/fuse/protocol';
import {
  allocateMemory,
  close,
  createEventFd,
  errno,
  freeMemory,
  memoryAt,
  signalEventFd,
  write,
  writePair,
} from '@vexfs/fuse/system';
import test, { type ExecutionContext } from 'ava';
import type { TinyReport, TinyStart } from './tiny_filesystem.js';

const run = promisify(execFile);

/** Why no mount can be made here, or undefined. */
function obstacle(): string | undefined {
  if (process.geteuid?.() !== 0) return 'these tests mount as root';
  try {
    close(openFuseDevice());
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

const reason = obstacle();
if (reason !== undefined) console.log(`no mounts are tested: ${reason}`);
const mounting = reason === undefined ? test.serial : test.serial.skip;

const CONTENT = Buffer.from('a vector is a point\n'.repeat(20000));
// Not UTF-8: names are bytes.
const NAME = Buffer.from([0x76, 0xff, 0xfe, 0x2e, 0x62, 0x69, 0x6e]);

interface Running {
  readonly fd: number;
  readonly wake: number;
  readonly ended: Promise<TinyReport>;
  readonly release: () => Promise<void>;
}

/** Serves the tiny filesystem on `fd` from a worker. */
function serve(fd: number, name: Uint8Array): Running {
  const content = allocateMemory(CONTENT.byteLength);
  content.bytes.set(CONTENT);
  const wake = createEventFd();
  const workerData: TinyStart = {
    fd,
    wake,
    name,
    contentAddress: content.address,
    contentLength: CONTENT.byteLength,
  };
  const worker = new Worker(new URL('./tiny_filesystem.js', import.meta.url), { workerData });
  const ended = new Promise<TinyReport>((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
  const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
  const release = async () => {
    await exited;
    freeMemory(content);
    close(wake);
    close(fd);
  };
  return { fd, wake, ended, release };
}

function temporaryDirectory(t: ExecutionContext): string {
  const path = mkdtempSync(join(tmpdir(), 'vexfs transport,\\'));
  t.teardown(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

mounting(
  'a mount served from a worker lists and reads its file, and umount ends the server with ENODEV',
  async (t) => {
    const mountpoint = temporaryDirectory(t);
    const source = '/nowhere/tiny volume#1';
    const mount = await mountFuse({ source, mountpoint, options: parseMountOptions('nosuid,noatime') });
    const server = serve(mount.fd, NAME);
    try {
      t.true(isMounted(mountpoint));
      t.deepEqual(
        mountsOf(source).map((entry) => entry.mountpoint),
        [mountpoint],
      );
      const entry = mountOn(mountpoint)!;
      t.is(entry.type, 'fuse.vexfs');
      t.true(entry.mountOptions.includes('nosuid') && entry.mountOptions.includes('noatime'));
      t.true(
        entry.superOptions.includes('default_permissions') && entry.superOptions.includes('allow_other'),
      );

      const path = Buffer.concat([Buffer.from(`${mountpoint}/`), NAME]);
      const fd = openSync(path, 'r');
      closeSync(fd);
      const shell = 'cd "$1" && ls -a && cat v*';
      const { stdout } = await run('sh', ['-c', shell, 'sh', mountpoint], {
        encoding: 'buffer',
        maxBuffer: 1 << 20,
      });
      const listing = Buffer.concat([Buffer.from('.\n..\n'), NAME, Buffer.from('\n')]);
      t.deepEqual(stdout.subarray(0, listing.length), listing);
      t.is(Buffer.compare(stdout.subarray(listing.length), CONTENT), 0);

      const format = '%s %a %h %X %Y %Z %y';
      const stat = await run('sh', ['-c', `TZ=UTC stat -c '${format}' "$1"/v*`, 'sh', mountpoint]);
      t.is(stat.stdout.trim(), `${CONTENT.byteLength} 644 1 1 -5 3 1969-12-31 23:59:55.000000022 +0000`);
      t.deepEqual([statfsSync(mountpoint).blocks, statfsSync(mountpoint).bfree], [1000, 10]);

      await mount.unmount();
      const report = await server.ended;
      t.is(report.ended, 'ENODEV');
      t.true(report.minor >= 31 && report.minor <= 41);
      t.true(report.requests > 5);
      t.false(isMounted(mountpoint));
    } finally {
      if (isMounted(mountpoint)) await mount.unmount({ lazy: true });
      await server.release();
    }
  },
);

mounting('STATX carries the birth time where the kernel asks for it', async (t) => {
  const mountpoint = temporaryDirectory(t);
  const mount = await mountFuse({ source: 'tiny', mountpoint, options: parseMountOptions('') });
  const server = serve(mount.fd, NAME);
  try {
    const { stdout } = await run('sh', ['-c', 'stat -c %W "$1"/v*', 'sh', mountpoint]);
    await mount.unmount();
    const report = await server.ended;
    t.is(stdout.trim(), report.minor >= 39 ? '1234567890' : '0');
  } finally {
    if (isMounted(mountpoint)) await mount.unmount({ lazy: true });
    await server.release();
  }
});

mounting(
  'stored bytes are read without asking, invalidated ones and names are asked for again',
  async (t) => {
    const mountpoint = temporaryDirectory(t);
    const mount = await mountFuse({ source: 'tiny', mountpoint, options: parseMountOptions('') });
    const name = Buffer.from('file');
    const server = serve(mount.fd, name);
    const message = allocateMemory(8192);
    const stored = memoryAt(message.address + 4096, 4096);
    stored.bytes.fill(0x58);
    // The node ids of the tiny filesystem: its root and its file.
    const [root, node] = [1, 2];
    try {
      const fd = openSync(join(mountpoint, 'file'), 'r');
      try {
        const first = () => {
          const bytes = Buffer.alloc(1);
          readSync(fd, bytes, 0, 1, 0);
          return bytes.toString('latin1');
        };
        t.is(first(), 'a');
        const header = encodeStore(message.view, 0, node, 0, 4096);
        t.is(writePair(mount.fd, message.address, header, stored.address, 4096), header + 4096);
        t.is(first(), 'X');
        t.is(write(mount.fd, message.address, encodeInvalInode(message.view, 0, node, 0, 4096)), 40);
        t.is(first(), 'a');
        t.is(write(mount.fd, message.address, encodeInvalInode(message.view, 0, 12345, 0, 0)), -errno.ENOENT);
        const gone = encodeDelete(message, 0, root, node, name);
        t.is(write(mount.fd, message.address, gone), gone);
        t.is(write(mount.fd, message.address, gone), -errno.ENOENT, 'the name was not forgotten');
        t.is(statSync(join(mountpoint, 'file')).ino, node);
        const entry = encodeInvalEntry(message, 0, root, name);
        t.is(write(mount.fd, message.address, entry), entry);
        t.is(write(mount.fd, message.address, entry), -errno.ENOENT, 'the name was not dropped');
      } finally {
        closeSync(fd);
      }
      await mount.unmount();
      t.is((await server.ended).ended, 'ENODEV');
    } finally {
      if (isMounted(mountpoint)) await mount.unmount({ lazy: true });
      await server.release();
      freeMemory(message);
    }
  },
);

mounting('an eventfd wakes the server out of poll, and the dead mount answers ENOTCONN', async (t) => {
  const mountpoint = temporaryDirectory(t);
  const mount = await mountFuse({ source: 'tiny', mountpoint, options: parseMountOptions('ro') });
  const server = serve(mount.fd, NAME);
  try {
    await run('ls', [mountpoint]);
    t.is(signalEventFd(server.wake), 8);
    t.is((await server.ended).ended, 'woken');
    await server.release();
    t.throws(() => readdirSync(mountpoint), { code: 'ENOTCONN' });
    const error = await t.throwsAsync(mountFuse({ source: 'x', mountpoint, options: parseMountOptions('') }));
    t.regex(error.message, /daemon is gone/);
  } finally {
    await mount.unmount();
  }
  t.false(isMounted(mountpoint));
});

mounting('unmounting a busy mount says so, and a lazy unmount takes it away', async (t) => {
  const mountpoint = temporaryDirectory(t);
  const mount = await mountFuse({ source: 'tiny', mountpoint, options: parseMountOptions('') });
  const server = serve(mount.fd, Buffer.from('file'));
  try {
    const fd = openSync(join(mountpoint, 'file'), 'r');
    try {
      const error = await t.throwsAsync(mount.unmount(), { instanceOf: MountError });
      t.regex(error.message, /busy/);
      await mount.unmount({ lazy: true });
      t.false(isMounted(mountpoint));
    } finally {
      closeSync(fd);
    }
    t.is((await server.ended).ended, 'ENODEV');
  } finally {
    if (isMounted(mountpoint)) await mount.unmount({ lazy: true });
    await server.release();
  }
});

mounting('a user mounts through fusermount3, whose descriptor is served and unmounted alike', async (t) => {
  try {
    await run('fusermount3', ['-V']);
  } catch {
    t.log('there is no fusermount3 here');
    await t.throwsAsync(run('fusermount3', ['-V']), { code: 'ENOENT' });
    return;
  }
  const mountpoint = temporaryDirectory(t);
  const nobody = 65534;
  chownSync(mountpoint, nobody, nobody);
  // Distributions leave /dev/fuse open to everybody, bare machines may not, and the clone may lie where only root gets:
  // a namespace of its own has both where they can be reached.
  const root = fileURLToPath(new URL('../../../..', import.meta.url));
  const script = '/mnt/clone/test/dist/unit/transport/user_mount.js';
  const shell = `mount -t tmpfs -o dev,mode=755 none /mnt && mkdir /mnt/clone && mount --bind "$1" /mnt/clone &&
    mknod -m 666 /mnt/fuse c 10 229 && mount --bind /mnt/fuse /dev/fuse && shift && cd / && exec "$@"`;
  const argv = ['-m', 'sh', '-c', shell, 'sh', root, process.execPath, script, mountpoint];
  const { stdout } = await run('unshare', [...argv, `${nobody}`, `${nobody}`], { timeout: 30000 });
  const report = JSON.parse(stdout);
  t.is(report.read, 'by a user');
  t.like(report.ended, { ended: 'ENODEV' });
  t.is(report.mounted, false);
  t.like(report.entry, { type: 'fuse.vexfs', source: '/a,b\\c' });
  t.true(report.entry.superOptions.includes(`user_id=${nobody}`));
  t.false(report.entry.superOptions.includes('allow_other'));
});

test('a mount point that is missing or no directory is refused in one sentence', async (t) => {
  const directory = temporaryDirectory(t);
  const options = parseMountOptions('');
  const missing = mountFuse({ source: 'x', mountpoint: join(directory, 'no'), options });
  t.regex((await t.throwsAsync(missing, { instanceOf: MountError })).message, /does not exist/);
  const file = mountFuse({ source: 'x', mountpoint: '/proc/self/status', options });
  t.regex((await t.throwsAsync(file, { instanceOf: MountError })).message, /is not a directory/);
});

test('isMounted follows symbolic links and does not take a directory below a mount for one', (t) => {
  const directory = temporaryDirectory(t);
  symlinkSync('/proc', join(directory, 'link'));
  mkdirSync(join(directory, 'plain'));
  t.true(isMounted(join(directory, 'link')));
  t.false(isMounted(join(directory, 'plain')));
  t.false(isMounted(join(directory, 'missing')));
});
