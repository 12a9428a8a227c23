import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { errnoName } from '@vexfs/fuse/system';
import { Errno } from '@vexfs/shared';
import { ImagePool } from '../fuzz/images/image_case.js';
import { GUEST_EXCHANGE, GUEST_VOLUME } from '../vm/guest.js';
import { guestTest, run } from '../vm/guest_test.js';
import type { Walked } from './volume/guest_images.js';

/** Images for one guest. */
const PER_GUEST = 60;
const first = Number(process.env.VEXFS_FUZZ_SEED ?? 1);
const count = Number(process.env.VEXFS_FUZZ_IMAGES ?? PER_GUEST);
/** What a damaged volume, or one of another program, may be refused with. */
const REFUSALS = [errnoName(Errno.EUCLEAN), 'EINVAL', 'EIO', 'EOPNOTSUPP'];

const program = fileURLToPath(new URL('./volume/guest_images.js', import.meta.url));

guestTest('damaged volumes are refused or read as far as they go, and never harm the kernel', async (t) => {
  t.timeout(3_600_000);
  let mounted = 0;
  const answers: Record<string, number> = {};
  for (let seed = first; seed < first + count; seed += PER_GUEST) {
    const seeds = Array.from({ length: Math.min(PER_GUEST, first + count - seed) }, (_, i) => seed + i);
    for (const [name, walked] of Object.entries(await walk(seeds))) {
      answers[walked.mount] = (answers[walked.mount] ?? 0) + 1;
      if (walked.mount !== 'ok') {
        t.true(REFUSALS.includes(walked.mount), `seed ${name} is refused with ${walked.mount}`);
        continue;
      }
      mounted += 1;
      t.is(walked.unmount, 'ok', `seed ${name}`);
    }
  }
  t.log(`${count} images: ${JSON.stringify(answers)}`);
  if (count >= 20) t.true(mounted > count / 3, `${mounted} mounted`);
});

async function walk(seeds: readonly number[]): Promise<Record<string, Walked>> {
  const folder = mkdtempSync(join(tmpdir(), 'vexfs-images-'));
  try {
    const pool = new ImagePool(folder);
    const images = join(folder, 'images');
    mkdirSync(images);
    try {
      for (const seed of seeds) copyFileSync(pool.damaged(seed).image.path, join(images, String(seed)));
    } finally {
      pool.close();
    }
    const { code, output, collected } = await run({
      program: [process.execPath, program, GUEST_VOLUME, `${GUEST_EXCHANGE}/images`, ...seeds.map(String)],
      folders: { images },
      modules: ['loop'],
      collect: ['walked'],
      seconds: 240,
    });
    if (code !== 0) throw new Error(output);
    return JSON.parse(collected.walked!.toString()) as Record<string, Walked>;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
