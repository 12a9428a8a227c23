import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FuseBackend } from '../../parity/backend/fuse.js';
import { checkVolume } from '../../parity/check.js';
import { GUEST_DEVICE, GUEST_VOLUME } from '../../vm/guest.js';
import { guestTest, run } from '../../vm/guest_test.js';

const program = fileURLToPath(new URL('./guest_sysfs.js', import.meta.url));
const BLOCK = 4096;

type Values = Record<string, string>;

interface Shown {
  readonly absentBefore: boolean;
  readonly idle: Values;
  readonly refused: string;
  readonly worked: Values;
  readonly readOnly: Values;
  readonly absentAfter: boolean;
  readonly table: string;
}

function withFolder(work: (folder: string) => Promise<void>): () => Promise<void> {
  return async () => {
    const folder = mkdtempSync(join(tmpdir(), 'vexfs-sysfs-'));
    try {
      await work(folder);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  };
}

guestTest('sysfs shows what a mounted volume is and has done, and nothing of one that is not', async (t) => {
  t.timeout(300_000);
  await withFolder(async (folder) => {
    const { device } = new FuseBackend(folder, { size: '64M' });
    const { code, output, collected } = await run({
      program: [process.execPath, program, GUEST_DEVICE, GUEST_VOLUME],
      disk: device,
      collect: ['shown'],
    });
    t.is(code, 0, output);
    const shown = JSON.parse(collected.shown!.toString()) as Shown;
    const { idle, worked, readOnly } = shown;
    const number = (values: Values, name: string): number => {
      t.regex(values[name] ?? '', /^\d+\n$/, name);
      return Number(values[name]);
    };
    t.deepEqual([shown.absentBefore, shown.absentAfter], [true, true]);
    t.is(shown.table, '0\n');
    t.is(shown.refused, 'EACCES');
    t.deepEqual([idle.state, worked.state, readOnly.state], ['sound\n', 'sound\n', 'read-only\n']);
    t.is(number(idle, 'block_size'), BLOCK);
    t.is(number(idle, 'total_blocks'), (64 << 20) / BLOCK);
    for (const name of [
      'searches',
      'rows_scanned',
      'insert_calls',
      'rows_inserted',
      'rows_adopted',
      'compactions',
    ])
      t.is(number(idle, name), 0, name);
    t.is(number(worked, 'insert_calls'), 4_002);
    t.is(number(worked, 'rows_inserted'), 4_003);
    t.is(number(worked, 'rows_adopted'), 5);
    t.is(number(worked, 'searches'), 2);
    t.is(number(worked, 'rows_scanned'), 16);
    t.true(number(worked, 'compactions') > 0);
    t.is(number(worked, 'errors_count'), 0);
    const taken = number(idle, 'free_blocks') - number(worked, 'free_blocks');
    t.true(taken >= (4 << 20) / BLOCK, `${taken} blocks`);
    t.true(number(readOnly, 'free_blocks') > number(worked, 'free_blocks'));
    t.true(number(idle, 'free_inodes') > number(worked, 'free_inodes'));
    t.true(number(worked, 'session_write_kbytes') >= 4 << 10, worked.session_write_kbytes);
    t.notThrows(() => checkVolume(device));
  })();
});

guestTest('damage that is met counts, and the state of the volume says so', async (t) => {
  t.timeout(300_000);
  await withFolder(async (folder) => {
    const backend = new FuseBackend(folder, { size: '64M' });
    await backend.mount();
    writeFileSync(join(backend.mountpoint, 'a name to find again'), 'content');
    await backend.unmount();
    // The name stands in the only block of the root directory.
    const bytes = readFileSync(backend.device);
    const at = bytes.lastIndexOf('a name to find again');
    bytes[at] = bytes[at]! ^ 1;
    writeFileSync(backend.device, bytes);
    const script =
      'mount -i -t vexfs "$0" "$1" && cd /sys/fs/vexfs/ubda && cat state errors_count && ls "$1" 2>&1; cat state errors_count; cd / && umount "$1"';
    const { code, output } = await run({
      program: ['/bin/sh', '-c', script, GUEST_DEVICE, GUEST_VOLUME],
      disk: backend.device,
    });
    t.is(code, 0, output);
    const [before, none, ...rest] = output.trim().split('\n');
    t.deepEqual([before, none], ['sound', '0']);
    t.regex(rest[0]!, /Structure needs cleaning/);
    t.deepEqual(rest.slice(-2)[0], 'damaged');
    t.true(Number(rest.at(-1)) > 0, output);
  })();
});
