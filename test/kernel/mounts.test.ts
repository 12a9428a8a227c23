import {
  closeSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FuseBackend } from '../parity/backend/fuse.js';
import { MKFS, must } from '../parity/backend/programs.js';
import { insert, setMeta } from '../parity/client/vector_calls.js';
import { GUEST_EXCHANGE, GUEST_VOLUME } from '../vm/guest.js';
import { guestTest, run } from '../vm/guest_test.js';

const program = fileURLToPath(new URL('./volume/guest_mounts.js', import.meta.url));

/** Images for all attempts, by what they are. */
async function makeImages(folder: string, images: string): Promise<void> {
  const backend = new FuseBackend(folder, { size: '32M' });
  try {
    await backend.mount();
    const fd = openSync(join(backend.mountpoint, 'rows'), 'w+');
    const outcome = [setMeta(fd, { dimensions: 4 }), insert(fd, [1, 2, 3, 4], { dimensions: 4 })];
    closeSync(fd);
    if (outcome.join() !== 'ok,ok') throw new Error(outcome.join());
    writeFileSync(join(backend.mountpoint, 'file'), 'content');
    await backend.remount();
    writeFileSync(join(backend.mountpoint, 'newer'), 'content');
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    await backend.crash();
    copyFileSync(backend.device, join(images, 'dirty'));
    await backend.mount();
    await backend.unmount();
    copyFileSync(backend.device, join(images, 'clean'));
  } finally {
    await backend.end();
  }
  must(process.execPath, [MKFS, '-q', '-b', '64K', '--size', '256M', join(images, 'large blocks')]);
  copyFileSync(join(images, 'clean'), join(images, 'cut off'));
  truncateSync(join(images, 'cut off'), 16 << 20);
  writeFileSync(join(images, 'zeros'), Buffer.alloc(8 << 20));
}

guestTest(
  'mounts that cannot be are refused each with its errno, and nothing can be changed on those that are read-only',
  async (t) => {
    t.timeout(300_000);
    const folder = mkdtempSync(join(tmpdir(), 'vexfs-mounts-'));
    try {
      const images = join(folder, 'images');
      mkdirSync(images);
      await makeImages(folder, images);
      const { code, output, collected } = await run({
        program: [process.execPath, program, GUEST_VOLUME, `${GUEST_EXCHANGE}/images`],
        folders: { images },
        modules: ['loop'],
        collect: ['answers'],
        seconds: 120,
      });
      t.is(code, 0, output);
      t.deepEqual(JSON.parse(collected.answers!.toString()), {
        toWrite: 'ok',
        toWriteWithoutReplay: 'EINVAL',
        remounts: ['ok', 'ok', 'ok', 0, 0, 'ok'],
        withoutLists: ['ok', true, 'ok', true, 'ok', false, 'ok'],
        unknownOption: 'EINVAL',
        noload: 'ok',
        mount: 'ok',
        changes: {
          create: 'EROFS',
          openToWrite: 'EROFS',
          write: 'EBADF',
          xattr: 'EROFS',
          flags: 'EROFS',
          setMeta: 'EBADF',
          insert: 'EBADF',
          remount: 'ok',
        },
        handles: {
          handle: 'content',
          otherGeneration: 'ESTALE',
          freeInode: 'ESTALE',
          reservedInode: 'ESTALE',
          noInode: 'ESTALE',
        },
        unmount: 'ok',
        cleanOnReadOnlyDevice: 'ok',
        dirtyOnReadOnlyDevice: 'EROFS',
        dirtyWithoutReplay: 'ok',
        dirty: 'ok',
        dirtyToWriting: 'ok',
        written: 'ok',
        dirtyUnmounted: 'ok',
        replayed: 'ok',
        largeBlocks: 'EINVAL',
        cutOff: 'EINVAL',
        zeros: 'EINVAL',
        hundred: ['ok'],
      });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
);
