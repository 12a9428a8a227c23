/** Damage on a volume that is not mounted, to files of its root. */
import { FileDevice } from '@vexfs/fuse/system';
import { extentsOf, lookupName, snapshotOf, VectorSet, Volume } from '@vexfs/fuse/volume';
import { extentHeader, extentIndex, ROOT_INODE } from '@vexfs/shared';

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
  damageNumber(
    path,
    (volume) => lookupName(volume, volume.inodes.get(ROOT_INODE), Buffer.from(name))!.number,
  );
}

/** Turns a byte of the inode over that holds the index snapshot of a file; false when there is none. */
export function damageSnapshotInode(path: string, name: string): boolean {
  return damageNumber(path, (volume) => {
    const inode = lookupName(volume, volume.inodes.get(ROOT_INODE), Buffer.from(name))!;
    return snapshotOf(volume, VectorSet.open(volume, inode))?.inode.number;
  });
}

/** Turns a byte over of the node that leads to the front of a file; its extents are so many that they are not in the inode. */
export function damageFrontNode(path: string, name: string): void {
  damageNode(path, name, 0);
}

/** Turns a byte over of one of the nodes that the inode of a file names. */
export function damageNode(path: string, name: string, entry: number): void {
  const device = FileDevice.open(path);
  try {
    const { volume } = Volume.open(device, { readOnly: true });
    const inode = lookupName(volume, volume.inodes.get(ROOT_INODE), Buffer.from(name))!;
    const nodes =
      extentHeader.depth.get(inode.rootView, 0) === 0 ? 0 : extentHeader.count.get(inode.rootView, 0);
    if (entry >= nodes) throw new Error(`${name} has ${nodes} nodes`);
    const named = extentHeader.$.size + entry * extentIndex.$.size;
    const at = extentIndex.child.get(inode.rootView, named) * volume.geometry.blockSize + 40;
    const byte = new Uint8Array(1);
    device.read(at, byte);
    device.write(at, Uint8Array.of(byte[0]! ^ 0xff));
  } finally {
    device.close();
  }
}

function damageNumber(path: string, find: (volume: Volume) => number | undefined): boolean {
  const device = FileDevice.open(path);
  try {
    const { volume } = Volume.open(device, { readOnly: true });
    const number = find(volume);
    if (number === undefined) return false;
    const { geometry } = volume;
    const at = geometry.inodeBlock(number) * geometry.blockSize + geometry.inodeOffset(number) + 40;
    const byte = new Uint8Array(1);
    device.read(at, byte);
    device.write(at, Uint8Array.of(byte[0]! ^ 0xff));
    return true;
  } finally {
    device.close();
  }
}
