/** A child process that locks the volume named by its first argument and holds it for as many milliseconds as the second says. */
import { setTimeout as sleep } from 'node:timers/promises';
import { lockVolume } from '@vexfs/fuse/system';

const [path = '', holdMs = '0'] = process.argv.slice(2);
const device = await lockVolume(path);
process.send?.('locked');
await sleep(Number(holdMs));
device.close();
process.disconnect();
