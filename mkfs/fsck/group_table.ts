import type { BlockDevice, Geometry, MetadataStore } from '@vexfs/fuse/volume';
import { crc32c, GROUP_DESCRIPTOR_SIZE, groupDescriptor as layout } from '@vexfs/shared';

const COLUMNS = [
  'free_blocks',
  'free_inodes',
  'used_directories',
  'initialised_inodes',
  'flags',
  'block_bitmap_checksum',
  'inode_bitmap_checksum',
] as const;

/** The fields of one group descriptor, the checksum left out. */
export type Descriptor = Record<(typeof COLUMNS)[number], number>;

/** The first copy of the group descriptors, read and written descriptor by descriptor without any trust in them. */
export class GroupTable {
  private readonly device: BlockDevice;
  private readonly geometry: Geometry;
  private readonly store: MetadataStore;
  private readonly bytes: Uint8Array;
  private readonly view: DataView;

  constructor(device: BlockDevice, geometry: Geometry, store: MetadataStore) {
    this.device = device;
    this.geometry = geometry;
    this.store = store;
    this.bytes = new Uint8Array(geometry.descriptorBlocks * geometry.blockSize);
    this.view = new DataView(this.bytes.buffer);
    device.read(geometry.blockSize, this.bytes);
  }

  /** The checksum is right and every number is possible. */
  isSound(group: number): boolean {
    const at = group * GROUP_DESCRIPTOR_SIZE;
    if (layout.checksum.get(this.view, at) !== this.sum(group)) return false;
    const { free_blocks, free_inodes, used_directories, initialised_inodes } = this.get(group);
    const { inodesPerGroup, inodesPerBlock } = this.geometry;
    return (
      free_blocks <= this.geometry.groupBlocks(group) &&
      free_inodes <= inodesPerGroup &&
      used_directories <= inodesPerGroup &&
      initialised_inodes <= inodesPerGroup &&
      initialised_inodes % inodesPerBlock === 0
    );
  }

  get(group: number): Descriptor {
    const at = group * GROUP_DESCRIPTOR_SIZE;
    const found = {} as Descriptor;
    for (const column of COLUMNS) found[column] = layout[column].get(this.view, at);
    return found;
  }

  /** Writes a descriptor with its sum. */
  set(group: number, descriptor: Descriptor): void {
    const at = group * GROUP_DESCRIPTOR_SIZE;
    this.bytes.fill(0, at, at + GROUP_DESCRIPTOR_SIZE);
    for (const column of COLUMNS) layout[column].set(this.view, at, descriptor[column]);
    layout.checksum.set(this.view, at, this.sum(group));
    const position = this.geometry.blockSize + at;
    this.device.write(position, this.bytes.subarray(at, at + GROUP_DESCRIPTOR_SIZE));
  }

  /** All descriptors as they lie in the first copy. */
  get content(): Uint8Array {
    return this.bytes;
  }

  private sum(group: number): number {
    return descriptorSum(this.store, group, this.bytes);
  }
}

/** The checksum that the descriptor of a group has to have in a copy of all descriptors. */
export function descriptorSum(store: MetadataStore, group: number, bytes: Uint8Array): number {
  const at = group * GROUP_DESCRIPTOR_SIZE;
  const copy = bytes.slice(at, at + GROUP_DESCRIPTOR_SIZE);
  copy.fill(0, layout.checksum.offset, layout.checksum.offset + 4);
  return crc32c(store.seedFor(group), copy);
}
