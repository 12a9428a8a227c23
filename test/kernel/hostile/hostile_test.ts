import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ExecutionContext } from 'ava';
import { MKFS, must } from '../../parity/backend/programs.js';
import { checkVolume } from '../../parity/check.js';
import { GUEST_DEVICE, GUEST_VOLUME, type GuestResult, type GuestRun } from '../../vm/guest.js';
import { guestTest, run } from '../../vm/guest_test.js';

/** What a program does to a volume inside a guest. */
interface Work extends Pick<GuestRun, 'collect' | 'seconds' | 'memory'> {
  /** The program, compiled, beside this file; or what makes an executable in a folder and tells its path. */
  readonly program: string | ((folder: string) => string);
  /** Bytes of the volume, as mkfs.vexfs --size takes them. */
  readonly size: string;
  /** Words for the program behind the device and the folder to mount it on; asked where there are guests. */
  words(): ReadonlyArray<string | number>;
  /** Looks at what the guest has left; the program has ended with 0. */
  judge(t: ExecutionContext, result: GuestResult): void;
}

/** A test of `work` on a volume of its own, which is sound in the end. */
export function hostileTest(title: string, work: Work): void {
  const { program, size, words, judge, ...limits } = work;
  guestTest(title, async (t) => {
    t.timeout(3_600_000);
    const folder = mkdtempSync(join(tmpdir(), 'vexfs-hostile-'));
    try {
      const image = join(folder, 'volume.img');
      must(process.execPath, [MKFS, '-q', '--size', size, image]);
      const started =
        typeof program === 'string'
          ? [process.execPath, fileURLToPath(new URL(`./${program}`, import.meta.url))]
          : [program(folder)];
      const result = await run({
        program: [...started, GUEST_DEVICE, GUEST_VOLUME, ...words().map(String)],
        disk: image,
        ...limits,
      });
      t.is(result.code, 0, result.output);
      judge(t, result);
      t.notThrows(() => checkVolume(image));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
}
