/** Volumes of unusual shapes: deep trees, full, two groups, journals to replay; through the kernel and through the daemon. */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BASE_IMAGES, baseImage } from '../fuzz/images/base_images.js';
import { FuseBackend } from '../parity/backend/fuse.js';
import { checkVolume } from '../parity/check.js';
import { GUEST_DEVICE, GUEST_EXCHANGE, GUEST_VOLUME } from '../vm/guest.js';
import { guestTest, run } from '../vm/guest_test.js';
import { type Survey, survey } from './volume/survey.js';

const PAGE = 4096;
const program = fileURLToPath(new URL('./volume/guest_surveys.js', import.meta.url));

/** What the daemon finds on a copy of an image. */
async function surveyByDaemon(folder: string, image: string): Promise<Survey> {
  const own = mkdtempSync(join(folder, 'daemon-'));
  const backend = new FuseBackend(own, { size: '32M' });
  copyFileSync(image, backend.device);
  try {
    await backend.mount(['ro']);
    return survey(backend.mountpoint);
  } finally {
    await backend.end();
  }
}

guestTest('volumes of all shapes read the same through the kernel', async (t) => {
  t.timeout(600_000);
  const folder = mkdtempSync(join(tmpdir(), 'vexfs-shapes-'));
  try {
    const images = join(folder, 'images');
    mkdirSync(images);
    const bases = Array.from({ length: BASE_IMAGES }, (_, i) => baseImage(i));
    const expected: Record<string, Survey | string> = {};
    for (const { name, bytes, geometry } of bases) {
      const image = join(images, name);
      writeFileSync(image, bytes);
      expected[name] = geometry.blockSize > PAGE ? 'EINVAL' : await surveyByDaemon(folder, image);
    }
    const names = bases.map(({ name }) => name);
    const { code, output, collected } = await run({
      program: [process.execPath, program, GUEST_VOLUME, `${GUEST_EXCHANGE}/images`, ...names],
      folders: { images },
      modules: ['loop'],
      collect: ['surveys'],
      seconds: 200,
    });
    t.is(code, 0, output);
    const surveys = JSON.parse(collected.surveys!.toString()) as Record<string, Survey | string>;
    for (const name of names) compare(name, surveys[name]!, expected[name]!);
    t.true(names.some((name) => name.startsWith('dirty journal')));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }

  function compare(name: string, found: Survey | string, wanted: Survey | string): void {
    if (typeof found === 'string' || typeof wanted === 'string') {
      t.is(found, wanted, name);
      return;
    }
    // The daemon has finished with the orphans, which the module leaves to the next mount for writing.
    const { statfs: _, ...others } = wanted;
    const shown = name === 'orphans' ? others : wanted;
    t.deepEqual(Object.keys(found).length, Object.keys(wanted).length, name);
    for (const path of Object.keys(shown)) t.deepEqual(found[path], shown[path], `${name}: ${path}`);
  }
});

guestTest('a journal that the kernel has replayed is empty, and the volume sound', async (t) => {
  t.timeout(200_000);
  const folder = mkdtempSync(join(tmpdir(), 'vexfs-replayed-'));
  try {
    for (let i = 0; i < BASE_IMAGES; i++) {
      const { name, bytes } = baseImage(i);
      if (!name.startsWith('dirty journal')) continue;
      const image = join(folder, `${i}`);
      writeFileSync(image, bytes);
      t.throws(() => checkVolume(image), { message: /the journal holds \d+ transactions/ }, name);
      const script = 'mount -i -t vexfs -o ro "$0" "$1" && umount "$1"';
      const program = ['/bin/sh', '-c', script, GUEST_DEVICE, GUEST_VOLUME];
      const { code, output, dmesg } = await run({ program, disk: image });
      t.is(code, 0, output);
      t.true(dmesg.includes('replaying the journal'), name);
      // The orphans are the daemon's to finish with; it finds nothing to replay.
      const backend = new FuseBackend(mkdtempSync(join(folder, 'daemon-')), { size: '32M' });
      copyFileSync(image, backend.device);
      await backend.mount();
      t.notRegex(backend.output, /replayed/, name);
      await backend.unmount();
      t.notThrows(() => checkVolume(backend.device), name);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
