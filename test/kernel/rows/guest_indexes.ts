/**
 * In a guest: makes files with an index on a volume, or asks those that are there, and leaves what they answered.
 *   guest_indexes.js DEVICE MOUNTPOINT make|ask
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { mountVolume, unmountVolume } from '../volume/mounting.js';
import { askIndexedFiles, makeIndexedFiles } from './indexed_files.js';

const [device, mountpoint, what] = process.argv.slice(2) as [string, string, string];

function must(outcome: string, name: string): void {
  if (outcome !== 'ok') throw new Error(`${name}: ${outcome}`);
}

must(mountVolume(device, mountpoint, 0), 'mount');
if (what === 'make') {
  makeIndexedFiles(mountpoint);
  must(unmountVolume(mountpoint), 'umount');
  must(mountVolume(device, mountpoint, 0), 'mount');
}
writeFileSync(join(process.env.VEXFS_EXCHANGE!, 'answers'), JSON.stringify(askIndexedFiles(mountpoint)));
must(unmountVolume(mountpoint), 'umount');
