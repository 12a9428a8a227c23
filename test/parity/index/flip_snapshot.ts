import { FileDevice } from '@vexfs/fuse/system';
import { extentsOf, lookupName, snapshotOf, VectorSet, Volume } from '@vexfs/fuse/volume';
import { ROOT_INODE } from '@vexfs/shared';

/** Turns the bits of one byte of the snapshot of a file over: `part` 0 is the first byte, 1 the last. The volume is not mounted. */
export function flipSnapshot(volumePath: string, name: string, part: number): void {
  const device = FileDevice.open(volumePath, { readOnly: false });
  try {
    const { volume } = Volume.open(device, { readOnly: true, deviceReadOnly: true });
    const { blockSize } = volume.geometry;
    const file = lookupName(volume, volume.inodes.get(ROOT_INODE), Buffer.from(name))!;
    const { inode, bytes } = snapshotOf(volume, VectorSet.open(volume, file))!;
    const offset = Math.floor(part * (bytes - 1));
    const { physical } = extentsOf(volume, inode).find(Math.floor(offset / blockSize), 1);
    const position = physical * blockSize + (offset % blockSize);
    const byte = new Uint8Array(1);
    device.read(position, byte);
    device.write(
      position,
      byte.map((value) => value ^ 0xff),
    );
    device.flush();
  } finally {
    device.close();
  }
}
