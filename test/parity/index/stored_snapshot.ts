import { FileDevice } from '@vexfs/fuse/system';
import { lookupName, readContent, snapshotOf, VectorSet, Volume } from '@vexfs/fuse/volume';

/** The snapshot of the index of a file in the root folder of an unmounted volume; nothing when there is none. */
export function storedSnapshot(volumePath: string, name: string): Uint8Array {
  const device = FileDevice.open(volumePath, { readOnly: true });
  try {
    const { volume } = Volume.open(device, { readOnly: true, deviceReadOnly: true });
    const inode = lookupName(volume, volume.inodes.get(1), new TextEncoder().encode(name))!;
    const snapshot = snapshotOf(volume, VectorSet.open(volume, inode));
    if (snapshot === undefined) return new Uint8Array(0);
    const bytes = new Uint8Array(snapshot.bytes);
    readContent(volume, snapshot.inode, 0, bytes);
    return bytes;
  } finally {
    device.close();
  }
}
