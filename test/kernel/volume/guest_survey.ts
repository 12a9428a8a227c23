/** In a guest: mounts a volume with the kernel module, surveys it, and leaves what it found in the exchange folder. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { survey } from './survey.js';

const [device, mountpoint, options] = process.argv.slice(2) as [string, string, string];
const mounted = spawnSync('mount', ['-i', '-t', 'vexfs', '-o', options, device, mountpoint], {
  encoding: 'utf8',
});
if (mounted.status !== 0) throw new Error(`mount: ${mounted.stderr}`);
writeFileSync(join(process.env.VEXFS_EXCHANGE!, 'survey'), JSON.stringify(survey(mountpoint)));
const unmounted = spawnSync('umount', [mountpoint], { encoding: 'utf8' });
if (unmounted.status !== 0) throw new Error(`umount: ${unmounted.stderr}`);
