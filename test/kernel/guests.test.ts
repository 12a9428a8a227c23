/** What the other tests rely on: that a guest which hangs, or whose kernel complains, is a failure. */
import test from 'ava';
import { GuestError } from '../vm/guest.js';
import { guestTest, run } from '../vm/guest_test.js';
import { kernelReports } from '../vm/kernel_reports.js';

guestTest(
  'a guest runs a program with the module loaded, and its output and exit code come back',
  async (t) => {
    t.timeout(100_000);
    const ran = await run({
      program: ['/bin/sh', '-c', 'grep vexfs /proc/filesystems; exit 3'],
      seconds: 40,
    });
    t.is(ran.output, '\tvexfs\n');
    t.is(ran.code, 3);
    t.true(ran.dmesg.includes('Linux version'));
  },
);

guestTest('a guest that does not end in time is ended and reported with its console', async (t) => {
  t.timeout(100_000);
  const error = await t.throwsAsync(run({ program: ['/bin/sleep', '1000'], seconds: 8 }), {
    instanceOf: GuestError,
  });
  t.regex(error!.message, /did not end in time/);
  t.regex(error!.message, /Linux version/);
});

guestTest('a kernel that crashes is reported', async (t) => {
  t.timeout(100_000);
  const program = ['/bin/sh', '-c', 'echo c > /proc/sysrq-trigger'];
  const error = await t.throwsAsync(run({ program, seconds: 40 }), { instanceOf: GuestError });
  t.regex(error!.message, /sysrq triggered crash/);
});

guestTest('a program that leaves the volume mounted is reported', async (t) => {
  t.timeout(100_000);
  const program = ['/bin/sh', '-c', 'mount -t tmpfs none /mnt/volume || mount -t tmpfs none /media/volume'];
  const error = await t.throwsAsync(run({ program, seconds: 40 }), { instanceOf: GuestError });
  t.regex(error!.message, /left the volume mounted/);
});

test('reports are found in a log of the kernel, and nothing in one without', (t) => {
  t.deepEqual(kernelReports('[    1.0] vexfs (ubda): damaged: inode 7: run fsck.vexfs\n'), []);
  for (const line of [
    'BUG: kernel NULL pointer dereference, address: 0000000000000010',
    'WARNING: CPU: 0 PID: 31 at fs/inode.c:400 clear_inode+0x10',
    'WARNING: fs/inode.c:400 at clear_inode+0x10/0x20, CPU#1: umount/31',
    'WARNING: possible circular locking dependency detected',
    'BUG: KASAN: slab-out-of-bounds in vexfs_leaf_find+0x1/0x2 [vexfs]',
    'INFO: task node:31 blocked for more than 120 seconds.',
    'VFS: Busy inodes after unmount of ubda (vexfs)',
  ]) {
    const [found, ...others] = kernelReports(`[    1.0] calm\n[    2.0] ${line}\n[    2.1] Call Trace:\n`);
    t.true(found?.includes(line) && found.includes('Call Trace'), line);
    t.is(others.length, 0);
  }
});
