/** In a guest: mounts a volume with the kernel module, surveys it, and leaves what it found in the exchange folder. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { mountVolume, unmountVolume } from './mounting.js';
import { survey } from './survey.js';

const [device, mountpoint] = process.argv.slice(2) as [string, string];
const mounted = mountVolume(device, mountpoint);
if (mounted !== 'ok') throw new Error(`mount: ${mounted}`);
writeFileSync(join(process.env.VEXFS_EXCHANGE!, 'survey'), JSON.stringify(survey(mountpoint)));
const unmounted = unmountVolume(mountpoint);
if (unmounted !== 'ok') throw new Error(`umount: ${unmounted}`);
