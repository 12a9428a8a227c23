/** On an emulated machine: User-mode Linux has no tracing. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ava from 'ava';
import { makeImage, must } from '../../parity/backend/programs.js';
import { GUEST_DEVICE, GUEST_VOLUME, runGuest } from '../../vm/guest.js';
import { ROOT } from '../../vm/module_build.js';
import { provideStockParts } from '../../vm/provide.js';

const SOURCE = join(ROOT, 'test/kernel/shown/traced.c');
const WORDS = ['-std=gnu11', '-O2', '-Wall', '-Wextra', '-Werror', '-static'];
const SECONDS = 300;

const parts = provideStockParts('bookworm');
const title =
  'tracepoints tell of mounts, blocks, rows, searches, orphans and damage, each with the volume it is on';
if (typeof parts === 'string') {
  ava.skip(`${title} (${parts})`, () => {});
} else {
  ava(title, async (t) => {
    t.timeout(2 * SECONDS * 1000);
    const folder = mkdtempSync(join(tmpdir(), 'vexfs-traced-'));
    try {
      const program = join(folder, 'traced');
      must('gcc', [...WORDS, `-I${join(ROOT, 'kernel/include/uapi')}`, '-o', program, SOURCE], 120_000);
      const disk = join(folder, 'volume.img');
      makeImage(disk, { size: '32M' });
      const words = [program, GUEST_DEVICE, GUEST_VOLUME];
      const { code, output } = await runGuest(parts, { program: words, disk, seconds: SECONDS });
      t.is(code, 0, output);
      const [said, ...events] = output.trim().split('\n');
      const [, device, rows] = /^said (\S+) (\d+)$/.exec(said!) ?? [];
      t.true(device !== undefined, output);
      for (const event of events)
        t.true(event.includes(`: dev ${device} `) || event.endsWith(`: dev ${device}`), event);
      const of = (name: string): string[] =>
        events
          .filter((event) => event.startsWith(`vexfs_${name}: `))
          .map((event) => event.replace(`vexfs_${name}: dev ${device}`, '').trim());
      t.deepEqual(of('mount'), ['read_only 0 result 0', 'read_only 1 result 0']);
      t.deepEqual(of('unmount'), ['', '']);
      t.deepEqual(
        of('insert_publish').map((event) => event.replace(/ tid \d+$/, '')),
        [`ino ${rows} rows 1 live_rows 1`],
      );
      t.deepEqual(
        of('adopt').map((event) => event.replace(/ tid \d+$/, '')),
        [`ino ${rows} rows 1 live_rows 2`],
      );
      const [search, ...others] = of('search');
      t.regex(search!, new RegExp(`^ino ${rows} type 2 k 2 rows 2 ns [1-9]\\d* result 0$`));
      t.is(others.length, 0);
      const compactions = of('compaction').map((event) => event.split(' ').map(Number));
      t.true(compactions.length > 0);
      for (const [, ino, , before, , records] of compactions) {
        t.is(ino, Number(rows));
        t.true(before! > records! && records! > 0);
      }
      // The file without a name; a set whose rows are written comes and goes there too.
      const nameless = of('orphan_add').filter((event) => event.endsWith('links 0'));
      t.true(nameless.length > 0);
      for (const event of nameless) t.true(of('orphan_remove').includes(event), event);
      for (const name of ['allocate', 'free']) {
        const blocks = of(name);
        t.true(blocks.length > 0, name);
        for (const event of blocks) t.regex(event, /^start [1-9]\d* count [1-9]\d*$/);
      }
      t.true(of('damage').length > 0);
      t.deepEqual(of('transaction_error'), []);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
}
