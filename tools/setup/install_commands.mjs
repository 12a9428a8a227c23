// `npm run install-commands [-- --prefix DIR]`: links the programs of this checkout into DIR/bin (/usr/local by default) and
// the mount helper into /sbin, so that they run by name and `mount -t fuse.vexfs` and /etc/fstab work.
// `--remove` takes the links away again. Nothing but links that point into this checkout is ever replaced or removed.
import { existsSync, lstatSync, mkdirSync, readlinkSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const { values } = parseArgs({
  options: {
    prefix: { type: 'string', default: '/usr/local' },
    sbin: { type: 'string', default: '/sbin' },
    remove: { type: 'boolean', default: false },
  },
});

const links = [
  ['tools/bin/vexctl.mjs', join(values.prefix, 'bin/vexctl')],
  ['fuse/bin/vexfs-fuse.mjs', join(values.prefix, 'bin/vexfs-fuse')],
  ['fuse/bin/vexfs-vss.mjs', join(values.prefix, 'bin/vexfs-vss')],
  ['mkfs/bin/mkfs.vexfs.mjs', join(values.prefix, 'sbin/mkfs.vexfs')],
  ['mkfs/bin/fsck.vexfs.mjs', join(values.prefix, 'sbin/fsck.vexfs')],
  ['fuse/bin/mount.fuse.vexfs.mjs', join(values.sbin, 'mount.fuse.vexfs')],
];

/** What stands at a path: nothing, a link into this checkout, or something that is not ours. */
function occupant(path) {
  const status = lstatSync(path, { throwIfNoEntry: false });
  if (status === undefined) return 'nothing';
  return status.isSymbolicLink() && readlinkSync(path).startsWith(`${root}/`) ? 'ours' : 'foreign';
}

let failed = false;
for (const [program, link] of links) {
  const target = join(root, program);
  if (!existsSync(target)) continue;
  try {
    const found = occupant(link);
    if (found === 'foreign') {
      console.error(`${link} exists and is not a link into this checkout: left as it is`);
      failed = true;
      continue;
    }
    if (found === 'ours') rmSync(link);
    if (!values.remove) {
      mkdirSync(dirname(link), { recursive: true });
      symlinkSync(target, link);
      console.log(`${link} -> ${target}`);
    } else if (found === 'ours') {
      console.log(`${link} removed`);
    }
  } catch (error) {
    console.error(`${link}: ${error.message}`);
    failed = true;
  }
}
process.exitCode = failed ? 1 : 0;
