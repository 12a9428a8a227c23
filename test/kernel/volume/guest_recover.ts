/**
 * In a guest: mounts a volume for writing, which replays its journal and finishes with its orphans, and unmounts it.
 *   guest_recover.js DEVICE MOUNTPOINT
 */
import { mountVolume, unmountVolume } from './mounting.js';

const [device, mountpoint] = process.argv.slice(2) as [string, string];
const outcome = [mountVolume(device, mountpoint, 0), unmountVolume(mountpoint)].join(', ');
if (outcome !== 'ok, ok') throw new Error(outcome);
