import { FileDevice } from '@vexfs/fuse/system';
import { Volume } from '@vexfs/fuse/volume';
import { checkVolume as fsck } from '@vexfs/mkfs/fsck';
import { problemsOf } from '../unit/volume/check.js';

/**
 * Checks an unmounted volume: everything that is reachable from the root is walked, and counts, links, bitmaps and row logs
 * have to agree with it; then fsck.vexfs -n is asked. Throws an Error that lists what is wrong. Changes nothing.
 */
export function checkVolume(path: string): void {
  const device = FileDevice.open(path, { readOnly: true });
  const problems: string[] = [];
  try {
    const { volume, replayed } = Volume.open(device, { readOnly: true, deviceReadOnly: true });
    if (replayed > 0) problems.push(`the journal holds ${replayed} transactions after an unmount`);
    if (volume.superblock.orphanHead !== 0) problems.push('there are orphans after an unmount');
    problems.push(...problemsOf(volume), ...findingsOf(device));
  } finally {
    device.close();
  }
  if (problems.length > 0) throw new Error(`${path} is not sound:\n  ${problems.slice(0, 40).join('\n  ')}`);
}

/** Checks what a crash left: with the journal replayed, in memory, fsck.vexfs has to find nothing. Throws; changes nothing. */
export function checkCrashed(path: string): void {
  const device = FileDevice.open(path, { readOnly: true });
  try {
    const findings = findingsOf(device);
    if (findings.length > 0) throw new Error(`after a crash: ${findings.slice(0, 5).join('; ')}`);
  } finally {
    device.close();
  }
}

/** What fsck.vexfs -n finds on a device; a program of its own would take longer to start than to look. */
function findingsOf(device: FileDevice): string[] {
  const { exitCode, examination } = fsck(device, { mode: 'look' });
  const findings = examination?.findings.list.map(({ message }) => `fsck: ${message}`) ?? [];
  return exitCode === 0 ? [] : [`fsck.vexfs -n: ${exitCode}`, ...findings];
}
