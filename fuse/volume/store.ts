import { crc32c } from '@vexfs/shared';
import type { BlockDevice } from '../system/device.js';
import { DamageError, NeedRead } from './errors.js';

/** What a metadata block holds; kinds with an owner carry magic, owner and checksum in themselves. */
export type BlockKind = 'superblock' | 'descriptors' | 'bitmap' | 'inodes' | OwnedKind;
export type OwnedKind = 'extent' | 'directory' | 'xattr' | 'set';

/** A metadata block in memory. Hold one only within an operation: between operations it may leave the cache. */
export interface MetaBlock {
  readonly number: number;
  readonly kind: BlockKind;
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** Transaction that changed it last; it may leave the cache when that one is in place. */
  changedIn: number;
  referenced: boolean;
}

/** A transaction cut off from further changes: what the journal must take. */
export interface FrozenTransaction {
  readonly id: number;
  readonly blocks: ReadonlyArray<{ readonly number: number; readonly data: Uint8Array }>;
  readonly revoked: readonly number[];
}

const CHECKSUM_AT: Readonly<Record<OwnedKind, number>> = { extent: 16, directory: 20, xattr: 12, set: 4 };
const FOUR_ZEROS = new Uint8Array(4);
/** Ranges of the device that are remembered as read in. */
const MOST_WARM = 64;

/** Bytes of metadata that are kept in memory, whatever the size of a block. */
export const CACHED_BYTES = 32 << 20;

/**
 * The metadata blocks of a volume and its running transaction. One thread uses it, and every operation runs to its end
 * before the next begins, so a transaction is frozen between operations only.
 *
 * Invariant: a block changed by a transaction stays in memory until that transaction is written in place.
 */
export class MetadataStore {
  readonly device: BlockDevice;
  readonly blockSize: number;
  readonly seed: number;
  /** Run in order before a freeze: they bring what is kept decoded (inodes, checksums of bitmaps) into blocks. */
  readonly beforeFreeze: Array<() => void> = [];

  private readonly cache = new Map<number, MetaBlock>();
  private readonly dirty = new Map<number, MetaBlock>();
  private readonly revoked = new Set<number>();
  private readonly number8 = new Uint8Array(8);
  private readonly numberView = new DataView(this.number8.buffer);
  private readonly capacity: number;
  /** Ranges that were read in for somebody: they are read without asking whether the medium is needed. */
  private warm: Array<{ readonly from: number; readonly to: number }> = [];
  private mayWait = true;
  private mustWait = false;
  private running = 1;
  private inPlace = 0;

  /** `seed` is crc32c(~0, uuid); `capacity` the number of blocks kept beyond those that must be, by default CACHED_BYTES of them. */
  constructor(
    device: BlockDevice,
    blockSize: number,
    seed: number,
    capacity = Math.ceil(CACHED_BYTES / blockSize),
  ) {
    this.device = device;
    this.blockSize = blockSize;
    this.seed = seed;
    this.capacity = capacity;
  }

  /** The running transaction. */
  get transaction(): number {
    return this.running;
  }

  /** Blocks in memory. */
  get cachedBlocks(): number {
    return this.cache.size;
  }

  /** Blocks that the running transaction would write to the journal. */
  get dirtyBlocks(): number {
    return this.dirty.size;
  }

  get revokedBlocks(): number {
    return this.revoked.size;
  }

  /** crc32c of the 64-bit block number; the sum of a block goes on from it. */
  seedFor(number: number): number {
    this.numberView.setUint32(0, number >>> 0, true);
    this.numberView.setUint32(4, Math.floor(number / 4294967296), true);
    return crc32c(this.seed, this.number8);
  }

  /** Checksum of a block whose sum stands at `at` inside it. */
  checksum(number: number, bytes: Uint8Array, at: number): number {
    let sum = this.seedFor(number);
    sum = crc32c(sum, bytes.subarray(0, at));
    sum = crc32c(sum, FOUR_ZEROS);
    return crc32c(sum, bytes.subarray(at + 4));
  }

  /**
   * Runs a part of an operation that has changed nothing yet. Throws NeedRead where it would have to wait for the medium, if
   * the device can tell.
   */
  withoutWaiting<T>(work: () => T): T {
    return this.waiting(this.mustWait, work);
  }

  /** Runs an operation in which nothing throws NeedRead. */
  waitingAnyway<T>(work: () => T): T {
    this.mustWait = true;
    try {
      return this.waiting(true, work);
    } finally {
      this.mustWait = false;
    }
  }

  private waiting<T>(mayWait: boolean, work: () => T): T {
    const before = this.mayWait;
    this.mayWait = mayWait;
    try {
      return work();
    } finally {
      this.mayWait = before;
    }
  }

  /** The bytes of a NeedRead are in memory now. */
  warmed(position: number, bytes: number): void {
    if (this.warm.length === MOST_WARM) this.warm.shift();
    this.warm.push({ from: position, to: position + bytes });
  }

  /** Reads from the device; `ahead` bytes from `position` on are asked for when it has to be waited for. Throws DeviceError, NeedRead. */
  read(position: number, into: Uint8Array, ahead = into.length): void {
    const { device } = this;
    const end = position + into.length;
    const isWarm = this.mayWait || this.warm.some(({ from, to }) => from <= position && end <= to);
    if (isWarm || device.readCached === undefined) device.read(position, into);
    else if (!device.readCached(position, into)) throw new NeedRead(position, ahead);
  }

  /** A block without a checksum of its own; who reads it checks what it needs of it. Throws DeviceError. */
  get(number: number, kind: BlockKind): MetaBlock {
    const cached = this.cache.get(number);
    if (cached !== undefined) {
      if (cached.kind !== kind)
        throw new DamageError(`block ${number} is used as ${cached.kind} and as ${kind}`);
      cached.referenced = true;
      return cached;
    }
    const block = this.allocate(number, kind);
    this.read(number * this.blockSize, block.bytes);
    this.cache.set(number, block);
    return block;
  }

  /** Whether `get` would not read the device. */
  has(number: number): boolean {
    return this.cache.has(number);
  }

  /**
   * A block that names its owner (inode number, 64 bits at `ownerAt`) and carries a magic number. Throws DamageError
   * when checksum or owner is wrong; the caller checks the magic and every bound inside.
   */
  getOwned(number: number, kind: OwnedKind, owner: number, ownerAt = 8): MetaBlock {
    let block = this.cache.get(number);
    if (block === undefined) {
      block = this.allocate(number, kind);
      this.read(number * this.blockSize, block.bytes);
      const at = CHECKSUM_AT[kind];
      if (block.view.getUint32(at, true) !== this.checksum(number, block.bytes, at)) {
        throw new DamageError(`${kind} block ${number} has a wrong checksum`);
      }
      this.cache.set(number, block);
    } else if (block.kind !== kind) {
      throw new DamageError(`block ${number} is used as ${block.kind} and as ${kind}`);
    }
    block.referenced = true;
    const low = block.view.getUint32(ownerAt, true);
    const high = block.view.getUint32(ownerAt + 4, true);
    if (high * 4294967296 + low !== owner) {
      throw new DamageError(
        `${kind} block ${number} belongs to inode ${high * 4294967296 + low}, not to ${owner}`,
      );
    }
    return block;
  }

  /** A newly allocated block, zeroed, already part of the running transaction. */
  fresh(number: number, kind: BlockKind): MetaBlock {
    const block = this.allocate(number, kind);
    this.cache.set(number, block);
    this.revoked.delete(number);
    this.change(block);
    return block;
  }

  /** Must be called before, or within the same operation as, the first change to a block. */
  change(block: MetaBlock): void {
    if (block.changedIn === this.running) return;
    block.changedIn = this.running;
    this.dirty.set(block.number, block);
  }

  /** A metadata block is freed: its journaled copies must not be replayed over what comes after it. */
  forget(number: number): void {
    this.cache.delete(number);
    this.dirty.delete(number);
    this.revoked.add(number);
  }

  /**
   * Ends the running transaction and starts the next. Undefined when nothing has changed. Blocks are copied, or handed
   * in their order to `stage`, which copies them where it needs them; `data` is then the live block.
   */
  freeze(stage?: (bytes: Uint8Array) => void): FrozenTransaction | undefined {
    for (const hook of this.beforeFreeze) hook();
    if (this.dirty.size === 0 && this.revoked.size === 0) return undefined;
    const blocks: Array<{ number: number; data: Uint8Array }> = [];
    for (const block of [...this.dirty.values()].sort((a, b) => a.number - b.number)) {
      this.seal(block);
      if (stage === undefined) {
        blocks.push({ number: block.number, data: block.bytes.slice() });
      } else {
        stage(block.bytes);
        blocks.push({ number: block.number, data: block.bytes });
      }
    }
    const frozen = { id: this.running, blocks, revoked: [...this.revoked] };
    this.dirty.clear();
    this.revoked.clear();
    this.running += 1;
    return frozen;
  }

  /** The blocks of all transactions up to `id` were written in place. */
  writtenInPlace(id: number): void {
    this.inPlace = Math.max(this.inPlace, id);
    this.trim();
  }

  /** Lets clean blocks go when the cache is over its capacity. Call between operations only. */
  trim(): void {
    if (this.cache.size <= this.capacity) return;
    let excess = this.cache.size - this.capacity;
    for (const block of this.cache.values()) {
      if (excess === 0) break;
      if (block.changedIn > this.inPlace) continue;
      if (block.referenced) {
        block.referenced = false;
        continue;
      }
      this.cache.delete(block.number);
      excess -= 1;
    }
  }

  private allocate(number: number, kind: BlockKind): MetaBlock {
    const bytes = new Uint8Array(this.blockSize);
    return { number, kind, bytes, view: new DataView(bytes.buffer), changedIn: 0, referenced: true };
  }

  private seal(block: MetaBlock): void {
    if (
      block.kind === 'superblock' ||
      block.kind === 'descriptors' ||
      block.kind === 'bitmap' ||
      block.kind === 'inodes'
    ) {
      return;
    }
    const at = CHECKSUM_AT[block.kind];
    block.view.setUint32(at, this.checksum(block.number, block.bytes, at), true);
  }
}
