import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FuseBackend } from '../parity/backend/fuse.js';
import { FSCK, MKFS, must, runNode } from '../parity/backend/programs.js';
import { checkVolume } from '../parity/check.js';
import { GUEST_DEVICE, GUEST_EXCHANGE, GUEST_VOLUME } from '../vm/guest.js';
import { rootGuestTest, run } from '../vm/guest_test.js';
import { type Survey, survey } from './volume/survey.js';
import { broken, type Versions } from './volume/versioned_blocks.js';

const program = (name: string): string => fileURLToPath(new URL(`./volume/${name}.js`, import.meta.url));
const FSX = fileURLToPath(new URL('../../parity/posix/fsx/fsx.c', import.meta.url));
/** VEXFS_WRITING_SEED: other work than every time. */
const SEED = Number(process.env.VEXFS_WRITING_SEED ?? 1);

async function withFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'vexfs-writing-'));
  try {
    await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What the daemon shows of a volume below a folder. */
async function throughTheDaemon<T>(backend: FuseBackend, look: (root: string) => T): Promise<T> {
  await backend.mount();
  try {
    return look(backend.mountpoint);
  } finally {
    await backend.unmount();
  }
}

for (const [blockSize, size] of [
  ['1024', '64M'],
  ['4096', '128M'],
] as const) {
  rootGuestTest(
    `files written through the kernel in blocks of ${blockSize} hold what was written, for it and for the daemon`,
    async (t) => {
      t.timeout(300_000);
      await withFolder(async (folder) => {
        const backend = new FuseBackend(folder, { size, mkfs: ['--block-size', blockSize] });
        try {
          const fsx = join(folder, 'fsx');
          must('gcc', ['-O1', '-o', fsx, FSX], 60_000);
          const { code, output, collected } = await run({
            program: [process.execPath, program('guest_writing'), GUEST_DEVICE, GUEST_VOLUME, fsx, `${SEED}`],
            disk: backend.device,
            collect: ['survey'],
            seconds: 180,
          });
          t.is(code, 0, output);
          t.notThrows(() => checkVolume(backend.device));
          const written = JSON.parse(collected.survey!.toString()) as Survey;
          const seen = await throughTheDaemon(backend, survey);
          t.deepEqual(Object.keys(seen).sort(), Object.keys(written).sort());
          for (const path of Object.keys(written)) t.deepEqual(seen[path], written[path], path);
        } finally {
          await backend.end();
        }
      });
    },
  );
}

for (const [seed, steps] of [
  [SEED, 150],
  [SEED + 1, 333],
  [SEED + 2, 700],
] as const) {
  rootGuestTest(
    `a machine that is switched off after ${steps} steps of writing has kept what was synced, and shows nothing that was not written`,
    async (t) => {
      t.timeout(300_000);
      await withFolder(async (folder) => {
        const backend = new FuseBackend(folder, { size: '128M' });
        try {
          const { collected } = await run({
            program: [
              process.execPath,
              ...[program('guest_power_cut'), GUEST_DEVICE, GUEST_VOLUME, `${seed}`, `${steps}`],
            ],
            disk: backend.device,
            collect: ['promised'],
            seconds: 120,
          });
          const promised = JSON.parse(collected.promised!.toString()) as Versions[];
          const repaired = join(folder, 'repaired.img');
          copyFileSync(backend.device, repaired);
          const { code, stdout, stderr } = runNode(FSCK, ['-p', repaired], 60_000);
          t.is(code, 0, `${stdout}${stderr}`);
          t.regex(stdout, /transactions replayed/, 'it was switched off in the middle');
          t.notThrows(() => checkVolume(repaired));
          const original = join(folder, 'original.img');
          copyFileSync(backend.device, original);
          const look = (root: string): string[] =>
            promised.flatMap((versions, i) => broken(join(root, 'work', `file ${i}`), versions));
          t.deepEqual(await throughTheDaemon(backend, look), [], 'replayed by the daemon');
          t.notThrows(() => checkVolume(backend.device), 'replayed by the daemon');
          copyFileSync(original, backend.device);
          const recovery = await run({
            program: [process.execPath, program('guest_recover'), GUEST_DEVICE, GUEST_VOLUME],
            disk: backend.device,
          });
          t.is(recovery.code, 0, recovery.output);
          t.notThrows(() => checkVolume(backend.device), 'replayed by the kernel');
          t.deepEqual(await throughTheDaemon(backend, look), [], 'replayed by the kernel');
        } finally {
          await backend.end();
        }
      });
    },
  );
}

rootGuestTest('FITRIM tells the device of free blocks, and of no others', async (t) => {
  t.timeout(300_000);
  await withFolder(async (folder) => {
    const images = join(folder, 'images');
    mkdirSync(images);
    must(process.execPath, [MKFS, '-q', '--size', '64M', join(images, 'volume')]);
    const { code, output, collected } = await run({
      program: [process.execPath, program('guest_trim'), `${GUEST_EXCHANGE}/images/volume`, GUEST_VOLUME],
      folders: { images },
      modules: ['loop'],
      collect: ['answers', 'images/volume'],
      seconds: 120,
    });
    t.is(code, 0, output);
    t.deepEqual(JSON.parse(collected.answers!.toString()), {
      all: 0,
      givenBack: true,
      outside: 'EINVAL',
      tooMuch: 'EINVAL',
      readOnly: ['ok', 'EROFS', 'ok'],
    });
    const trimmed = join(folder, 'trimmed.img');
    writeFileSync(trimmed, collected['images/volume']!);
    t.notThrows(() => checkVolume(trimmed));
  });
});
