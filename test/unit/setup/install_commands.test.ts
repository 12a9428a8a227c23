import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';

const root = resolve(fileURLToPath(import.meta.url), '../../../../..');
const install = join(root, 'tools/setup/install_commands.mjs');

/** Runs a script as root in a mount namespace of its own, in which /usr/sbin may be changed without a trace outside. */
function inNamespace(folder: string, script: string): { status: number | null; output: string } {
  const lines = [
    'set -e',
    `mount -t tmpfs none '${folder}'`,
    `cd '${folder}'`,
    'mkdir up work mnt',
    'mount -t overlay overlay -o lowerdir=/usr/sbin,upperdir=up,workdir=work /usr/sbin',
    script,
  ];
  const argv = ['--mount', '--propagation', 'private', 'sh', '-c', lines.join('\n')];
  const run = spawnSync('unshare', argv, { encoding: 'utf8', timeout: 60_000 });
  return { status: run.status, output: `${run.stdout}${run.stderr}` };
}

const mountTest = process.env.VEXFS_NO_MOUNT === undefined && process.getuid?.() === 0 ? test : test.skip;

mountTest('mount -t fuse.vexfs and fstab find the installed mount helper', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'vexfs-install-'));
  try {
    const { status, output } = inNamespace(
      folder,
      `node '${install}' --prefix "$PWD/usr" --sbin /usr/sbin
      usr/sbin/mkfs.vexfs -q --size 16M volume.img
      mount -t fuse.vexfs -o nosuid,threads=1 "$PWD/volume.img" "$PWD/mnt"
      echo kept > mnt/file
      umount mnt
      echo "$PWD/volume.img $PWD/mnt fuse.vexfs noauto,ro 0 0" > fstab
      mount -T fstab "$PWD/mnt"
      cat mnt/file
      if touch mnt/other 2>/dev/null; then echo 'a read-only mount was written to'; exit 1; fi
      umount mnt
      node '${install}' --prefix "$PWD/usr" --sbin /usr/sbin --remove
      test ! -e /usr/sbin/mount.fuse.vexfs`,
    );
    t.is(status, 0, output);
    t.regex(output, /^kept$/m);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('a program that is there already under the name of a link is left alone', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'vexfs-install-'));
  try {
    const paths = ['--prefix', folder, '--sbin', join(folder, 'sbin')];
    spawnSync('sh', ['-c', `mkdir -p '${folder}/bin' && echo mine > '${folder}/bin/vexctl'`]);
    const run = spawnSync(process.execPath, [install, ...paths], { encoding: 'utf8', timeout: 30_000 });
    t.is(run.status, 1);
    t.regex(run.stderr, /bin\/vexctl exists and is not a link into this checkout/);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
