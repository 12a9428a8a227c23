import { constants } from 'node:os';
import {
  type BlockRange,
  DamageError,
  directory,
  type ExtentTree,
  emptyExtentRoot,
  extentsOf,
  FsError,
  freeContent,
  type Inode,
  NeedCommit,
  type Run,
  Volume,
  xattr,
} from '@vexfs/fuse/volume';
import { LOG_MAGIC, logHeader, SET_MAGIC, setHeader, xattrHeader } from '@vexfs/shared';
import type { Check, PlannedEntry, PlannedRun } from './check.js';
import type { BlockUsage } from './usage_map.js';

/** Blocks that a transaction may gather before it is brought into the overlay. */
const TRANSACTION_BLOCKS = 1024;

/**
 * What lies on the device while a repair is made in memory. Blocks that something leads to there are not taken for
 * anything new as long as there are others: so the new blocks can be written at any time, and a repair that is interrupted
 * finds everything where it was.
 */
export class OldBlocks {
  /** From the first round, which looks at the volume as it is. */
  usage: BlockUsage | undefined;
  /** There was not enough space without them. */
  areReused = false;

  /** Whether nothing on the device leads to a data block. */
  isNew(block: number): boolean {
    return this.usage !== undefined && !this.usage.isKnown(block);
  }
}

/**
 * The second half of a round: the volume opened as a mount would, on the overlay, for checks that need sound bitmaps
 * and inodes, and for repairs that allocate. Transactions go to the overlay directly.
 */
export class Repair {
  readonly check: Check;
  readonly volume: Volume;
  /** Inodes whose repair failed; the next round clears them. */
  readonly failed: Set<number>;
  private readonly old: OldBlocks;
  private readonly withheld: BlockRange[] = [];
  /** The last transaction in the overlay. */
  private last = 0;

  constructor(check: Check, failed: Set<number>, old: OldBlocks) {
    this.check = check;
    this.failed = failed;
    this.old = old;
    this.volume = Volume.open(check.device, { readOnly: false }).volume;
    old.usage ??= check.usage;
    if (old.areReused) return;
    old.usage.eachFreed(check.usage, (start, length) => {
      this.withheld.push({ start, length });
      this.volume.blocks.withhold({ start, length });
    });
  }

  /** Whether blocks are left that are free but still hold what the device has. */
  get mayReuse(): boolean {
    return !this.old.areReused;
  }

  /** From now on every free block may be taken. */
  reuse(): void {
    this.old.areReused = true;
    for (const range of this.withheld.splice(0)) this.volume.blocks.unreserve(range);
    this.commit();
    this.volume.committed(this.last, Number.MAX_SAFE_INTEGER);
  }

  /** Ends the running transaction. */
  commit(): void {
    const { volume } = this;
    const frozen = volume.freeze();
    if (frozen === undefined) return;
    const { blockSize } = volume.geometry;
    for (const { number, data } of frozen.blocks) volume.device.write(number * blockSize, data);
    this.last = frozen.id;
    // What is freed stays as it is on the device, so it waits as if somebody still read it.
    volume.committed(frozen.id, this.old.areReused ? Number.MAX_SAFE_INTEGER : 0);
    volume.store.writtenInPlace(frozen.id);
  }

  /** Ends a large transaction and lets go of what is cached; between operations only. */
  pause(): void {
    if (this.volume.transactionBlocks > TRANSACTION_BLOCKS) this.commit();
    this.volume.inodes.trim(() => false);
    this.volume.store.trim();
  }

  /** Runs an operation, again when it finds no space and there are blocks that may be taken after all. */
  withSpace<T>(operation: () => T): T {
    try {
      return operation();
    } catch (error) {
      const isFull = error instanceof FsError && error.errno === constants.errno.ENOSPC;
      if (!isFull || !(this.mayReuse || error instanceof NeedCommit)) throw error;
      if (this.mayReuse) this.reuse();
      else this.commit();
      return operation();
    }
  }

  /** Runs a repair of one inode. Damage that is in its way condemns the inode; false then, or without space. */
  attempt(number: number, operation: () => void): boolean {
    try {
      this.withSpace(operation);
      return true;
    } catch (error) {
      if (!(error instanceof FsError)) throw error;
      const isDamage = error.errno !== constants.errno.ENOSPC;
      if (isDamage) this.failed.add(number);
      this.check.find({
        code: 'repair',
        message: `inode ${number} cannot be repaired: ${error.message}`,
        safe: false,
        inode: number,
        ...(isDamage ? { repair: 'clear it' } : {}),
      });
      return false;
    } finally {
      this.pause();
    }
  }

  /** Makes the extent trees anew that the scan has noted, with copies of blocks that belong to others. */
  rebuildFiles(): void {
    for (const [number, runs] of this.check.fileRebuilds) {
      this.attempt(number, () => this.rebuildFile(this.volume.inodes.get(number), runs));
    }
    for (const number of this.check.sharedAttributes) {
      this.attempt(number, () => this.copyAttributes(this.volume.inodes.get(number)));
    }
    for (const number of this.check.tails) {
      this.attempt(number, () => {
        const inode = this.volume.inodes.get(number);
        while (!freeContent(this.volume, inode, inode.size)) this.commit();
      });
    }
  }

  private rebuildFile(inode: Inode, runs: readonly PlannedRun[]): void {
    const { volume } = this;
    emptyExtentRoot(inode);
    inode.blocks = inode.xattrBlock === 0 ? 0 : 1;
    inode.markDirty();
    const tree = extentsOf(volume, inode);
    let lost = 0;
    for (const run of runs) {
      if (!run.copy) {
        this.append(tree, run);
        inode.blocks += run.length;
        continue;
      }
      for (let done = 0; done < run.length; ) {
        if (volume.blocks.available < tree.worstInsert + 1 && this.mayReuse) this.reuse();
        // Without space the blocks become a hole: what belongs to another inode is not kept.
        if (volume.blocks.available < tree.worstInsert + 1) {
          lost += run.length - done;
          break;
        }
        const want = Math.min(run.length - done, volume.blocks.available - tree.worstInsert);
        const taken = volume.blocks.take(volume.goalFor(inode.number, inode.isHidden), want);
        if (!run.unwritten) this.copyBlocks(inode, run.physical + done, taken.start, taken.length);
        tree.insert(run.logical + done, taken.start, taken.length, run.unwritten);
        inode.blocks += taken.length;
        done += taken.length;
      }
    }
    inode.markDirty();
    if (lost === 0) return;
    this.check.find({
      code: 'shared-block',
      message: `there is no space for copies of ${lost} blocks that inode ${inode.number} shares with another`,
      repair: 'leave a hole',
      safe: false,
      inode: inode.number,
    });
  }

  /**
   * Adds a run behind all others. Nodes that grow at their end are full, so a tree never takes more of them than it had: the
   * last free block may be taken, where a mount would keep some back.
   */
  private append(tree: ExtentTree, run: Run): void {
    const { blocks } = this.volume;
    if (blocks.available < tree.worstInsert && this.mayReuse) this.reuse();
    try {
      tree.insert(run.logical, run.physical, run.length, run.unwritten);
    } catch (error) {
      if (!(error instanceof DamageError) || blocks.available > 0) throw error;
      throw new FsError(constants.errno.ENOSPC);
    }
  }

  private copyBlocks(inode: Inode, from: number, to: number, length: number): void {
    const { store, device, geometry } = this.volume;
    const { blockSize } = geometry;
    if (!inode.isHidden && this.areNew(to, length)) {
      this.check.device.copy(to, from, length);
      return;
    }
    const bytes = new Uint8Array(blockSize);
    const view = new DataView(bytes.buffer);
    for (let i = 0; i < length; i++) {
      device.read((from + i) * blockSize, bytes);
      // Blocks of a hidden inode are sealed with the number of their place.
      const magic = inode.isHidden ? view.getUint32(0, true) : 0;
      const field =
        magic === SET_MAGIC ? setHeader.checksum : magic === LOG_MAGIC ? logHeader.checksum : undefined;
      if (field !== undefined && field.get(view, 0) === store.checksum(from + i, bytes, field.offset)) {
        field.set(view, 0, store.checksum(to + i, bytes, field.offset));
      }
      device.write((to + i) * blockSize, bytes);
    }
  }

  private areNew(start: number, length: number): boolean {
    for (let i = 0; i < length; i++) if (!this.old.isNew(start + i)) return false;
    return true;
  }

  private copyAttributes(inode: Inode): void {
    const { volume } = this;
    const { blockSize } = volume.geometry;
    volume.requireBlocks(1);
    const old = new Uint8Array(blockSize);
    volume.device.read(inode.xattrBlock * blockSize, old);
    const taken = volume.blocks.take(volume.goalFor(inode.number, false), 1).start;
    const block = volume.store.fresh(taken, 'xattr');
    block.bytes.set(old);
    xattrHeader.owner.set(block.view, 0, inode.number);
    inode.xattrBlock = taken;
    inode.markDirty();
    xattr.each(volume, inode, () => {});
  }

  /** Frees a hidden inode with all that it has. */
  freeHidden(number: number): void {
    const { volume } = this;
    const inode = volume.inodes.get(number);
    while (!freeContent(volume, inode, 0)) this.commit();
    if (inode.xattrBlock !== 0) volume.freeBlock(inode.xattrBlock, inode);
    volume.inodes.remove(inode);
    this.check.inodes.setState(number, 0);
  }

  /** Makes the directories anew that pass 2 has noted, and mends single entries of others. */
  rebuildDirectories(): void {
    const { volume, check } = this;
    for (const [number, entries] of check.directoryRebuilds) {
      this.attempt(number, () => {
        const inode = volume.inodes.get(number);
        inode.root.fill(0);
        inode.blocks = inode.xattrBlock === 0 ? 0 : 1;
        inode.markDirty();
        this.commit();
      });
      this.enterAll(number, shuffled(entries));
    }
    for (const { directory: number, name, type, inode: target } of check.entryFixes) {
      this.attempt(number, () => {
        const inode = volume.inodes.get(number);
        if (type === undefined) directory.remove(volume, inode, name);
        else directory.replace(volume, inode, name, target, type);
      });
    }
  }

  /** On a full volume a name for which a leaf would have to be split is left out; others may still find room in theirs. */
  private enterAll(number: number, entries: readonly PlannedEntry[]): void {
    let lost = 0;
    for (const entry of entries) {
      const isDone = this.attempt(number, () => {
        try {
          this.enter(number, entry);
        } catch (error) {
          const isFull = error instanceof FsError && error.errno === constants.errno.ENOSPC;
          if (!isFull || error instanceof NeedCommit || this.mayReuse) throw error;
          lost += 1;
        }
      });
      if (!isDone) break;
    }
    if (lost === 0) return;
    this.check.find({
      code: 'repair',
      message: `there is no space for ${lost} names of directory ${number}`,
      safe: false,
      inode: number,
    });
  }

  private enter(number: number, { name, inode, type }: PlannedEntry): void {
    const parent = this.volume.inodes.get(number);
    if (directory.lookup(this.volume, parent, name) === undefined)
      directory.insert(this.volume, parent, name, inode, type);
  }
}

/** In another order, always the same: names that come in the order of their hashes would leave every leaf half empty. */
function shuffled<T>(list: readonly T[]): T[] {
  const mixed = [...list];
  let state = 1;
  for (let i = mixed.length - 1; i > 0; i--) {
    // Numerical Recipes' generator, of which the high bits are good.
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    const other = Math.floor((state / 2 ** 32) * (i + 1));
    [mixed[i], mixed[other]] = [mixed[other]!, mixed[i]!];
  }
  return mixed;
}
