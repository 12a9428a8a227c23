import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FileDevice } from '@vexfs/fuse/system';
import { lookupName, Volume } from '@vexfs/fuse/volume';
import { directoryRoot, ROOT_INODE } from '@vexfs/shared';
import { FuseBackend } from '../parity/backend/fuse.js';
import { damageFrontNode, damageInode } from '../parity/regressions/damage.js';
import { GUEST_DEVICE, GUEST_VOLUME } from '../vm/guest.js';
import { rootGuestTest, run } from '../vm/guest_test.js';

const program = fileURLToPath(new URL('./volume/guest_damage_met.js', import.meta.url));

/** A volume with some files in its root, one of which is called `broken`. */
async function withVolume(
  mkfs: readonly string[],
  work: (backend: FuseBackend) => Promise<void>,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'vexfs-damage-'));
  const backend = new FuseBackend(folder, { size: '32M', mkfs: [...mkfs] });
  try {
    await backend.mount();
    for (const name of ['broken', 'sound']) writeFileSync(join(backend.mountpoint, name), '');
    await backend.unmount();
    await work(backend);
  } finally {
    await backend.end();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What the program says in a guest that has the volume; throws when it fails. */
async function told(backend: FuseBackend, what: string, ...words: string[]): Promise<string> {
  const { code, output } = await run({
    program: [process.execPath, program, what, GUEST_DEVICE, GUEST_VOLUME, ...words],
    disk: backend.device,
    seconds: 120,
  });
  if (code !== 0) throw new Error(`${what} ended with ${code}: ${output}`);
  return output;
}

/** Where the last byte of the root's only block lies on the device. */
function placeInRoot(device: string): number {
  const file = FileDevice.open(device);
  try {
    const { volume } = Volume.open(file, { readOnly: true });
    const block = directoryRoot.block.get(volume.inodes.get(ROOT_INODE).rootView, 0);
    return (block + 1) * volume.geometry.blockSize - 9;
  } finally {
    file.close();
  }
}

/** Which inode follows that of a name in the root on the orphan list, where that is the first. */
function nextOrphan(device: string, name: string): number {
  const file = FileDevice.open(device);
  try {
    const { volume } = Volume.open(file, { readOnly: true });
    const inode = lookupName(volume, volume.inodes.get(ROOT_INODE), Buffer.from(name))!;
    if (volume.superblock.orphanHead !== inode.number) throw new Error(`${name} is not the first orphan`);
    return inode.orphanNext;
  } finally {
    file.close();
  }
}

rootGuestTest(
  'what was written before damage made the volume read-only is there when an fsync behind it has returned',
  async (t) => {
    t.timeout(300_000);
    await withVolume([], async (backend) => {
      damageInode(backend.device, 'broken');
      await run({
        program: [process.execPath, program, 'synced', GUEST_DEVICE, GUEST_VOLUME],
        disk: backend.device,
        turnsOff: true,
        seconds: 120,
      });
      await backend.mount();
      t.is(readFileSync(join(backend.mountpoint, 'kept'), 'utf8'), 'content');
      await backend.unmount();
    });
  },
);

rootGuestTest(
  'an unmount behind the damage that made a volume read-only shows nothing of what blocks held before',
  async (t) => {
    t.timeout(300_000);
    await withVolume([], async (backend) => {
      damageInode(backend.device, 'broken');
      t.is(await told(backend, 'unmounted'), `${1 << 20} bytes, 0 others\n`);
    });
  },
);

rootGuestTest('a volume that damage made read-only is not written to before its next mount', async (t) => {
  t.timeout(300_000);
  await withVolume([], async (backend) => {
    damageInode(backend.device, 'broken');
    t.is(await told(backend, 'remounted'), 'EROFS,EROFS,ok,ok,ok,ok,ok\n');
  });
});

rootGuestTest(
  'a file that cannot be cut off stands on the list of those once, however often it is tried',
  async (t) => {
    t.timeout(300_000);
    await withVolume(['--block-size', '1024'], async (backend) => {
      await backend.mount();
      const fd = openSync(join(backend.mountpoint, 'pieces'), 'w');
      for (let i = 0; i < 100; i++) writeSync(fd, 'x', i * 2048);
      closeSync(fd);
      await backend.unmount();
      damageFrontNode(backend.device, 'pieces');
      t.is(await told(backend, 'cut'), 'EUCLEAN,ok,EUCLEAN,ok\n');
      t.is(nextOrphan(backend.device, 'pieces'), 0);
    });
  },
);

rootGuestTest(
  'metadata that was changed while nothing was mounted is checked again, also when somebody has the device open',
  async (t) => {
    t.timeout(300_000);
    await withVolume(['--block-size', '1024'], async (backend) => {
      const place = placeInRoot(backend.device);
      t.is(await told(backend, 'reopened', `${place}`), 'EUCLEAN\n');
    });
  },
);
