/** In a guest: surveys one image after the other through the kernel module; what was found goes to `surveys`. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { mountVolume, unmountVolume, withLoop } from './mounting.js';
import { type Survey, survey } from './survey.js';

const [mountpoint, folder, ...names] = process.argv.slice(2) as [string, string, ...string[]];
const surveys: Record<string, Survey | string> = {};
for (const name of names) {
  surveys[name] = withLoop(join(folder, name), [], (device) => {
    const mounted = mountVolume(device, mountpoint);
    if (mounted !== 'ok') return mounted;
    const found = survey(mountpoint);
    const unmounted = unmountVolume(mountpoint);
    return unmounted === 'ok' ? found : `umount: ${unmounted}`;
  });
}
writeFileSync(join(process.env.VEXFS_EXCHANGE!, 'surveys'), JSON.stringify(surveys));
