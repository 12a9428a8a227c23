import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import test from 'ava';

const root = fileURLToPath(new URL('../../../..', import.meta.url));
const NOBODY = 65534;

/** What an ordinary user types, in a shell of his own. */
const SESSION = `
  cd /mnt/home && mkdir mnt
  node=$1
  "$node" /mnt/clone/mkfs/bin/mkfs.vexfs.mjs -q --size 64M own.img
  "$node" /mnt/clone/fuse/bin/vexfs-fuse.mjs own.img mnt
  echo mine > mnt/file && stat -c 'owner %u' mnt/file
  "$node" /mnt/clone/tools/bin/vexctl.mjs insert mnt/rows /mnt/clone/test/data/sift10k-query.npy --create
  "$node" /mnt/clone/tools/bin/vexctl.mjs search mnt/rows row:3 -k 1 --json
  if "$node" /mnt/clone/fuse/bin/vexfs-fuse.mjs own.img mnt; then exit 9; fi
  fusermount3 -u mnt
  # The daemon holds the lock until its last commit: this waits for it.
  "$node" /mnt/clone/fuse/bin/vexfs-fuse.mjs own.img mnt && cat mnt/file && fusermount3 -u mnt
  flock -w 20 own.img true`;

const possible =
  process.env.VEXFS_NO_MOUNT === undefined &&
  process.getuid?.() === 0 &&
  (existsSync('/usr/bin/fusermount3') || existsSync('/bin/fusermount3'));
const userTest = possible ? test : test.skip;

userTest('an ordinary user formats, mounts, inserts and searches without root', (t) => {
  const namespace = `mount -t tmpfs -o dev,mode=755 none /mnt && mkdir /mnt/clone /mnt/home &&
    mount --bind "$1" /mnt/clone && chown ${NOBODY}:${NOBODY} /mnt/home &&
    mknod -m 666 /mnt/fuse c 10 229 && mount --bind /mnt/fuse /dev/fuse && cd / &&
    exec setpriv --reuid ${NOBODY} --regid ${NOBODY} --clear-groups sh -ec "$3" sh "$2"`;
  const argv = [
    '-m',
    '--propagation',
    'private',
    'sh',
    '-ec',
    namespace,
    'sh',
    root,
    process.execPath,
    SESSION,
  ];
  const run = spawnSync('unshare', argv, { encoding: 'utf8', timeout: 60_000 });
  const output = `${run.stdout}${run.stderr}`;
  t.is(run.status, 0, output);
  t.regex(output, new RegExp(`^owner ${NOBODY}$`, 'm'));
  t.regex(output, /"id":3,"distance":0\b/);
  t.regex(output, /is in use/);
  t.regex(output, /^mine$/m);
});
