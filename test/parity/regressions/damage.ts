/** Damage on a volume that is not mounted, to files of its root. */
import { FileDevice } from '@vexfs/fuse/system';
import { extentsOf, lookupName, Volume } from '@vexfs/fuse/volume';
import { ROOT_INODE } from '@vexfs/shared';

/** Turns a byte of the header of a file's vector set over. */
export function damageSet(path: string, name: string): void {
  const device = FileDevice.open(path);
  try {
    const { volume } = Volume.open(device, { readOnly: true });
    const inode = lookupName(volume, volume.inodes.get(ROOT_INODE), Buffer.from(name))!;
    const set = volume.inodes.get(inode.vectorSet);
    const at = extentsOf(volume, set).find(0, 1).physical * volume.geometry.blockSize + 600;
    const byte = new Uint8Array(1);
    device.read(at, byte);
    device.write(at, Uint8Array.of(byte[0]! ^ 0xff));
  } finally {
    device.close();
  }
}

/** Turns a byte of the inode of a name in the root over. */
export function damageInode(path: string, name: string): void {
  const device = FileDevice.open(path);
  try {
    const { volume } = Volume.open(device, { readOnly: true });
    const { number } = lookupName(volume, volume.inodes.get(ROOT_INODE), Buffer.from(name))!;
    const { geometry } = volume;
    const at = geometry.inodeBlock(number) * geometry.blockSize + geometry.inodeOffset(number) + 40;
    const byte = new Uint8Array(1);
    device.read(at, byte);
    device.write(at, Uint8Array.of(byte[0]! ^ 0xff));
  } finally {
    device.close();
  }
}
