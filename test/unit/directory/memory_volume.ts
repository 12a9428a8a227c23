import { constants } from 'node:os';
import {
  type BlockDevice,
  DamageError,
  DeviceError,
  directory,
  FsError,
  Geometry,
  MetadataStore,
} from '@vexfs/fuse/volume';

const SEED = 0x5eed;

/** Blocks in memory; those that were never written read as zeros. */
export class MemoryDevice implements BlockDevice {
  readonly size: number;
  readonly blocks = new Map<number, Uint8Array>();
  private readonly blockSize: number;

  constructor(blockSize: number, totalBlocks: number) {
    this.blockSize = blockSize;
    this.size = blockSize * totalBlocks;
  }

  read(position: number, into: Uint8Array): void {
    if (position < 0 || position + into.length > this.size) throw new DeviceError('outside of the device', 5);
    const block = this.blocks.get(position / this.blockSize);
    if (block === undefined) into.fill(0);
    else into.set(block);
  }

  write(position: number, from: Uint8Array): void {
    this.blocks.set(position / this.blockSize, from.slice());
  }

  flush(): void {
    return;
  }
}

export class MemoryInode implements directory.OwnedBlocks {
  readonly number: number;
  generation = 1;
  readonly root = new Uint8Array(112);
  readonly rootView = new DataView(this.root.buffer);
  blocks = 0;
  xattrBlock = 0;
  dirtied = 0;

  constructor(number: number) {
    this.number = number;
  }

  markDirty(): void {
    this.dirtied += 1;
  }
}

/** Bytes of the structures in a volume that fits in one or two groups, with an allocator over a set. */
export class MemoryVolume implements directory.DirectoryContext {
  readonly geometry: Geometry;
  readonly device: MemoryDevice;
  readonly nameHash: directory.NameHash;
  store: MetadataStore;
  readonly used = new Set<number>();
  /** Blocks that can still be had. */
  left = Number.POSITIVE_INFINITY;
  /** What the operation that is running may allocate: the sum it has required. */
  private granted = 0;
  private next = 0;

  constructor(
    blockSize: number,
    nameHash: directory.NameHash = new directory.SipHash(new Uint8Array(16)),
    totalBlocks?: number,
  ) {
    const inodesPerGroup = 2048;
    const blocks = totalBlocks ?? blockSize * 8;
    const tableBlocks = inodesPerGroup / (blockSize / 256);
    this.geometry = new Geometry({
      blockSize,
      totalBlocks: blocks,
      inodesPerGroup,
      journalStart: tableBlocks + 1000,
      journalBlocks: 1024,
    });
    this.device = new MemoryDevice(blockSize, blocks);
    this.nameHash = nameHash;
    this.store = this.newStore();
  }

  requireBlocks(count: number): void {
    if (count > this.left) throw new FsError(constants.errno.ENOSPC);
    this.granted = count;
  }

  allocateBlock(goal: number, owner: directory.OwnedBlocks): number {
    if (this.granted === 0) throw new Error('a block is allocated that was not required');
    this.granted -= 1;
    this.left -= 1;
    let block = this.geometry.isDataRange(goal, 1) && !this.used.has(goal) ? goal : this.next;
    while (!this.geometry.isDataRange(block, 1) || this.used.has(block)) {
      block = block + 1 < this.geometry.totalBlocks ? block + 1 : 0;
    }
    this.next = block;
    this.used.add(block);
    owner.blocks += 1;
    return block;
  }

  freeBlock(block: number, owner: directory.OwnedBlocks): void {
    if (!this.used.delete(block)) throw new DamageError(`block ${block} is freed twice`);
    this.left += 1;
    owner.blocks -= 1;
    this.store.forget(block);
  }

  /** Ends the transaction and writes its blocks in place. */
  commit(): void {
    const frozen = this.store.freeze();
    if (frozen === undefined) return;
    for (const { number, data } of frozen.blocks) this.device.write(number * this.geometry.blockSize, data);
    this.store.writtenInPlace(frozen.id);
  }

  /** Commits and forgets all that is in memory, so that every block is read and checked again. */
  remount(): void {
    this.commit();
    this.store = this.newStore();
  }

  /** Changes a block on the device and gives it the checksum that belongs to its new content. */
  forge(block: number, checksumAt: number, change: (bytes: Uint8Array) => void): void {
    const bytes = this.device.blocks.get(block)!.slice();
    change(bytes);
    const sum = this.store.checksum(block, bytes, checksumAt);
    new DataView(bytes.buffer).setUint32(checksumAt, sum, true);
    this.device.write(block * this.geometry.blockSize, bytes);
  }

  private newStore(): MetadataStore {
    return new MetadataStore(this.device, this.geometry.blockSize, SEED);
  }
}

/** mulberry32: the same numbers in [0, 1) for the same seed. */
export function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
