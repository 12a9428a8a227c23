import { FileDevice } from '@vexfs/fuse/system';
import { idOf, lookupName, readContent, snapshotOf, VectorSet, Volume } from '@vexfs/fuse/volume';

/** The snapshot of the index of a file in the root folder of an unmounted volume; nothing when there is none. */
export function storedSnapshot(volumePath: string, name: string): Uint8Array {
  return withSet(volumePath, name, (volume, set) => {
    const snapshot = snapshotOf(volume, set);
    if (snapshot === undefined) return new Uint8Array(0);
    const bytes = new Uint8Array(snapshot.bytes);
    readContent(volume, snapshot.inode, 0, bytes);
    return bytes;
  });
}

/** Its content. */
export function storedContent(volumePath: string, name: string): Uint8Array {
  return withSet(volumePath, name, (volume, { owner }) => {
    const bytes = new Uint8Array(owner.size);
    readContent(volume, owner, 0, bytes);
    return bytes;
  });
}

/** The records of its row log, each [type, slot, id, count]. */
export function storedLog(
  volumePath: string,
  name: string,
): Array<[type: number, slot: number, id: bigint, count: number]> {
  return withSet(volumePath, name, (_volume, set) => {
    const records: Array<[number, number, bigint, number]> = [];
    set.replay((type, slot, low, high, count) => void records.push([type, slot, idOf(low, high), count]));
    return records;
  });
}

function withSet<T>(volumePath: string, name: string, read: (volume: Volume, set: VectorSet) => T): T {
  const device = FileDevice.open(volumePath, { readOnly: true });
  try {
    const { volume } = Volume.open(device, { readOnly: true, deviceReadOnly: true });
    const inode = lookupName(volume, volume.inodes.get(1), new TextEncoder().encode(name))!;
    return read(volume, VectorSet.open(volume, inode));
  } finally {
    device.close();
  }
}
