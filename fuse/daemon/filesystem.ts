import { constants } from 'node:os';
import { INODE_SYNC, STATE_ERRORS } from '@vexfs/shared';
import type { AccessTimes } from '../mount/index.js';
import { type Attributes, type Timeout, timeout } from '../protocol/index.js';
import type { Connection } from '../server/connection.js';
import { errno, type FileDevice, O_DSYNC, wallClock } from '../system/index.js';
import {
  DamageError,
  FsError,
  type Inode,
  NeedCommit,
  type Timestamp,
  VectorSet,
  type Volume,
} from '../volume/index.js';
import { AwaitedSpace, AwaitSpace } from './awaited_space.js';
import type { Commits } from './commits.js';
import { CAP_FSETID, hasCapability } from './credentials.js';
import { ENGINE_QUEUE, type Exchange, type JobSlot, SPARE } from './exchange.js';
import type { Indexing } from './indexing/indexing.js';
import { anyJob } from './jobs.js';
import { KnownInodes } from './known_inodes.js';
import { logOnce } from './log.js';
import { Park } from './park.js';
import { stripCapability, stripPrivileges } from './privileges.js';
import type { RowPacking } from './row_packing.js';
import type { ThreadSupply } from './thread_supply.js';
import { TransferMemory } from './transfer.js';
import type { VectorFiles } from './vector_files.js';

/** Which reads move access times, as the mount options say. */
export interface TimeKeeping {
  readonly accessTimes: AccessTimes;
  readonly directoryTimes: boolean;
}

/** What the kernel may keep without asking again. */
export interface Caching {
  readonly attributeSeconds: number;
  readonly entrySeconds: number;
  /** Whether file contents pass by the page cache. */
  readonly directIo: boolean;
}

/**
 * The state of a mount on the FUSE thread: the volume, what the kernel knows of it (lookups), what is open, and what is
 * under way. Request handlers take it as their context.
 */
export class Filesystem {
  readonly volume: Volume;
  readonly device: FileDevice;
  readonly connection: Connection;
  readonly exchange: Exchange;
  readonly commits: Commits;
  readonly readOnly: boolean;
  readonly timeKeeping: TimeKeeping;
  readonly attributeTimeout: Timeout;
  readonly entryTimeout: Timeout;
  readonly directIo: boolean;
  /** Threads that search. */
  readonly searchThreads: number;
  private readonly supply: ThreadSupply;
  /** INIT flags that were agreed on with the kernel. */
  initFlags = 0;
  /** What the kernel knows and has open. */
  readonly known: KnownInodes;
  vectors!: VectorFiles;
  indexing!: Indexing;
  packing!: RowPacking;
  /** Requests that wait for something else than a job, and what a signal for their callers does. */
  readonly waiting = new Map<number, () => void>();
  readonly awaitedSpace = new AwaitedSpace();
  /** Jobs by the request they serve, for INTERRUPT. */
  readonly inflight = new Map<number, JobSlot>();

  /** Memory for rows and ids on their way, and small blocks that no job sees. */
  readonly transfer = new TransferMemory();
  readonly scratch = new TransferMemory();
  /** The last transaction that is on stable storage. */
  committed = 0;
  private readonly pins = new Map<JobSlot, { readonly transaction: number; readonly done: () => void }>();
  private readonly waitingForSlot: Array<() => void> = [];
  private retries: Array<() => void> = [];
  /** When they are to be tried again without a reason, as performance.now() tells it. */
  private retriesDue = Number.POSITIVE_INFINITY;
  private submitted = 0;
  /** Jobs under way by queue. */
  private readonly queued = new Map<number, number>();
  private readonly queueOf = new Map<JobSlot, number>();

  constructor(parts: {
    volume: Volume;
    device: FileDevice;
    connection: Connection;
    exchange: Exchange;
    commits: Commits;
    readOnly: boolean;
    timeKeeping: TimeKeeping;
    caching: Caching;
    searchThreads: number;
    supply: ThreadSupply;
  }) {
    this.volume = parts.volume;
    this.device = parts.device;
    this.connection = parts.connection;
    this.exchange = parts.exchange;
    this.commits = parts.commits;
    this.readOnly = parts.readOnly;
    this.timeKeeping = parts.timeKeeping;
    this.attributeTimeout = timeout(parts.caching.attributeSeconds);
    this.entryTimeout = timeout(parts.caching.entrySeconds);
    this.directIo = parts.caching.directIo;
    this.searchThreads = parts.searchThreads;
    this.supply = parts.supply;
    this.known = new KnownInodes(this);
  }

  now(): Timestamp {
    return wallClock();
  }

  /** Throws EROFS unless the volume may be changed. */
  requireWritable(): void {
    if (this.readOnly || this.commits.failed !== 0) throw new FsError(errno.EROFS);
  }

  /** The inode that the kernel names; hidden ones have no name and are refused. */
  inode(node: number): Inode {
    // A file handle that somebody kept, or made up, may name any number: that is no damage.
    const isNumber = node >= 1 && node <= this.volume.geometry.inodeCount;
    if (!isNumber) throw new FsError(errno.ESTALE);
    const inode = this.volume.inodes.get(node);
    if (inode.isHidden) throw new FsError(errno.ESTALE);
    return inode;
  }

  attributes(node: number): Attributes {
    return this.attributesOf(this.inode(node));
  }

  attributesOf(inode: Inode): Attributes {
    const { atime, mtime, ctime } = inode;
    const { blockSize } = this.volume.geometry;
    const blocks = inode.blocks + this.hiddenBlocks(inode);
    return {
      ino: inode.number,
      size: inode.isDirectory ? inode.blocks * blockSize : inode.size,
      blocks: blocks * (blockSize / 512),
      atime: atime.seconds,
      mtime: mtime.seconds,
      ctime: ctime.seconds,
      atimensec: atime.nanoseconds,
      mtimensec: mtime.nanoseconds,
      ctimensec: ctime.nanoseconds,
      mode: inode.mode,
      nlink: inode.links,
      uid: inode.uid,
      gid: inode.gid,
      rdev: inode.rdev,
      blksize: Math.max(4096, blockSize),
    };
  }

  /** Blocks of the set of a file. One that is damaged is reported and counts nothing: the file can still be seen and deleted. */
  private hiddenBlocks(inode: Inode): number {
    if (inode.vectorSet === 0) return 0;
    try {
      return VectorSet.open(this.volume, inode).hiddenBlocks;
    } catch (error) {
      if (this.errnoOf(error) === undefined) throw error;
      return 0;
    }
  }

  /**
   * What an operation threw, or AwaitSpace when the disk is full and something that has lost its last name may come free without
   * anybody else's doing; `hasWaited`: it has been that before.
   */
  orAwaitSpace(error: unknown, hasWaited: boolean): unknown {
    const isFull = error instanceof FsError && error.errno === errno.ENOSPC && !(error instanceof NeedCommit);
    return isFull && this.known.awaitsDeletion && !hasWaited ? new AwaitSpace() : error;
  }

  /** Whose operation follows: the superuser and the reserved user may take the reserved blocks too. */
  actFor(uid: number, gid: number): void {
    const { superblock, blocks } = this.volume;
    blocks.privileged =
      uid === 0 ||
      uid === superblock.reservedUid ||
      (superblock.reservedGid !== 0 && gid === superblock.reservedGid);
  }

  /** Whether a descriptor asks that a change is durable when the call returns. */
  isSynchronous(flags: number): boolean {
    return (flags & O_DSYNC) !== 0;
  }

  /** Runs `reply` at once, or when everything is durable where the descriptor asks for that; a failure is answered here. */
  whenAsDurable(inode: Inode, flags: number, unique: number, reply: () => void): void {
    if (!this.isSynchronous(flags) && (inode.flags & INODE_SYNC) === 0) {
      reply();
      return;
    }
    this.commits.whenDurable((code) => {
      if (code === 0) reply();
      else this.connection.fail(unique, code);
    });
  }

  /** What a changing call leaves behind besides its change: times, and no suid bit unless the caller may keep it. */
  markChanged(inode: Inode, caller: { readonly pid: number }): void {
    const now = this.now();
    inode.mtime = now;
    inode.ctime = now;
    inode.markDirty();
    if ((inode.mode & 0o6000) !== 0 && !hasCapability(caller.pid, CAP_FSETID))
      stripPrivileges(inode, caller.pid);
    stripCapability(this.volume, inode);
  }

  /** Until the job in `slot` comes back, nothing that the volume frees is reused; then `done` runs. */
  pin(slot: JobSlot, done: () => void): void {
    this.pins.set(slot, { transaction: this.volume.store.transaction, done });
  }

  /** Runs `done` when the job in `slot` comes back; it keeps nothing from being reused. */
  whenReturned(slot: JobSlot, done: () => void): void {
    this.pins.set(slot, { transaction: Number.MAX_SAFE_INTEGER, done });
  }

  /** The first transaction whose frees somebody may still read. */
  get oldestPin(): number {
    let oldest = Number.MAX_SAFE_INTEGER;
    for (const { transaction } of this.pins.values()) oldest = Math.min(oldest, transaction);
    return oldest;
  }

  /** Jobs of requests that have not come back. */
  get jobsUnderWay(): number {
    return this.submitted + this.waitingForSlot.length;
  }

  /** Whether something waits for a job to come back. */
  get needsSlots(): boolean {
    return this.retries.length > 0 || this.waitingForSlot.length > 0;
  }

  /** Whether blocks that wait for a commit or a search can become free. */
  get canWait(): boolean {
    return this.commits.busy || this.volume.transactionBlocks > 1 || this.pins.size > 0;
  }

  /** A job has come back. */
  returned(slot: JobSlot): void {
    this.tellOfRead(slot.fields[anyJob.failedAt]!);
    const pin = this.pins.get(slot);
    this.pins.delete(slot);
    pin?.done();
    this.finish(slot);
    this.reclaim();
    while (this.waitingForSlot.length > 0 && this.exchange.available > SPARE.announcement) {
      this.waitingForSlot.shift()!();
    }
  }

  /** The threads that read leave it to this one to tell of a device that fails, so that it is told once. */
  private tellOfRead(failedAt: number): void {
    const { path } = this.device;
    if (failedAt > 0) this.warn(`cannot read ${path} at byte ${failedAt - 1}: EIO`);
    else if (failedAt < 0) this.warn(`cannot read the rows of a file from ${path}: EIO`);
  }

  /** What transactions freed and nobody reads any more is reused from now on. */
  reclaim(): void {
    this.actFor(0, 0);
    const oldest = this.oldestPin;
    this.volume.committed(this.committed, oldest);
    if (!this.readOnly && this.commits.failed === 0) this.vectors.release(this.committed, oldest);
  }

  /** Runs `work` when an announcement finds a slot. */
  whenSlotFree(work: () => void): void {
    this.waitingForSlot.push(work);
  }

  /**
   * Runs the second half of a request whose first half was a job. What has to wait for a commit is tried again; any
   * other error is answered. `done` runs once, at the end.
   */
  attempt(unique: number, work: () => void, done: () => void, hasWaited = false): void {
    // Many jobs may come back at once, and each second half changes as much as a request.
    if (this.commits.crowded) this.commits.tend(performance.now());
    if (this.commits.stalled) {
      this.retry(() => this.attempt(unique, work, done, hasWaited));
      return;
    }
    try {
      work();
    } catch (thrown) {
      const error = this.orAwaitSpace(thrown, hasWaited);
      if (error instanceof AwaitSpace) {
        this.awaitedSpace.add(() => this.attempt(unique, work, done, true));
        return;
      }
      if (error instanceof NeedCommit && this.canWait) {
        this.retry(() => this.attempt(unique, work, done, hasWaited));
        this.commits.whenDurable(() => {});
        return;
      }
      if (error instanceof Park) {
        this.retry(() => this.attempt(unique, work, done, hasWaited));
        return;
      }
      done();
      const code = this.errnoOf(error);
      if (code === undefined) throw error;
      this.connection.fail(unique, code);
      return;
    }
    done();
  }

  /** Runs `work` after the next commit, or when a search that keeps blocks from being reused has ended. */
  retry(work: () => void): void {
    this.retries.push(work);
  }

  /** Has such work tried again at a time of performance.now() at the latest, though neither comes. */
  retryAt(time: number): void {
    this.retriesDue = Math.min(this.retriesDue, time);
  }

  /** Work that waited for a commit or for the end of a job. */
  takeRetries(): Array<() => void> {
    const { retries } = this;
    this.retries = [];
    this.retriesDue = Number.POSITIVE_INFINITY;
    return retries;
  }

  /** Work that has to wait once more, before what came later. */
  putBackRetries(works: ReadonlyArray<() => void>): void {
    this.retries = [...works, ...this.retries];
  }

  /** Milliseconds until they are, or -1. */
  retriesTimeout(): number {
    if (this.retriesDue === Number.POSITIVE_INFINITY) return -1;
    return Math.max(0, Math.ceil(this.retriesDue - performance.now()));
  }

  get hasRetries(): boolean {
    return this.retries.length > 0;
  }

  /** Hands a job to an engine thread; `unique` (0 for none) finds it again when its caller is interrupted. */
  submit(queue: number, slot: JobSlot, unique: number): void {
    if (unique !== 0) this.inflight.set(unique, slot);
    this.submitted += 1;
    const waiting = (this.queued.get(queue) ?? 0) + 1;
    this.queued.set(queue, waiting);
    this.queueOf.set(slot, queue);
    slot.fields[anyJob.failedAt] = 0;
    this.supply.submitted(queue, waiting);
    this.exchange.submit(queue, slot);
  }

  /** Has threads work in the place of those that wait for their callers. Milliseconds to the next look, or -1. */
  tendThreads(): number {
    return this.supply.tend(this.queued.get(ENGINE_QUEUE) ?? 0);
  }

  /** A job is over for good. */
  finish(slot: JobSlot): void {
    // What it brought may have been handed on to another job of the same call.
    const unique = slot.fields[anyJob.unique]!;
    if (this.inflight.get(unique) === slot) this.inflight.delete(unique);
    this.submitted -= 1;
    const queue = this.queueOf.get(slot);
    if (queue !== undefined) this.queued.set(queue, this.queued.get(queue)! - 1);
    this.exchange.give(slot);
  }

  /** Between operations: lets go of what memory need not hold. */
  trim(): void {
    this.volume.inodes.trim((number) => this.known.isOpen(number) || this.vectors.holds(number));
    this.known.hurry();
    // First, because an index answers who waits for it when nothing is left to be packed.
    this.packing.tend();
    this.indexing.tend();
    this.vectors.trim((number) => this.known.isOpen(number));
    this.volume.store.trim();
  }

  /** One line in the log, once for each cause. */
  warn(message: string): void {
    logOnce(message);
  }

  /** So that the next fsck.vexfs looks at everything, also when the volume is unmounted in order. */
  private noteDamage(): void {
    if (this.readOnly || this.commits.failed !== 0) return;
    try {
      this.volume.noteErrors(STATE_ERRORS);
    } catch (error) {
      if (!(error instanceof Error) || error.name !== 'DeviceError') throw error;
      this.warn(error.message);
    }
  }

  /** The errno that an exception is answered with; undefined when it is a fault of the program. */
  errnoOf(error: unknown): number | undefined {
    if (error instanceof DamageError) {
      this.warn(`${error.message}: run fsck.vexfs on the volume`);
      this.noteDamage();
    }
    if (error instanceof FsError) return error.errno;
    if (error instanceof Error && error.name === 'DeviceError') {
      this.warn(error.message);
      return constants.errno.EIO;
    }
    return undefined;
  }
}
