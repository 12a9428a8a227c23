import {
  type directory,
  type Geometry,
  Inode,
  MetadataStore,
  type Run,
  SipHash,
  type Superblock,
} from '@vexfs/fuse/volume';
import { crc32c, INODE_SIZE, inode as layout } from '@vexfs/shared';
import type { Finding, Findings } from './finding.js';
import { GroupTable } from './group_table.js';
import { InodeMap } from './inode_map.js';
import type { Overlay } from './overlay.js';
import { BlockUsage } from './usage_map.js';

/** A piece of a file whose extent tree is made anew. With `copy` its blocks belong to somebody else: they are copied. */
export interface PlannedRun extends Run {
  readonly copy: boolean;
}

/** An entry of a directory that is made anew. */
export interface PlannedEntry {
  readonly name: Uint8Array;
  readonly inode: number;
  readonly type: number;
}

/** A change of one entry of a sound directory; `type` undefined: the entry goes. */
export interface EntryFix {
  readonly directory: number;
  readonly name: Uint8Array;
  readonly inode: number;
  readonly type: number | undefined;
}

/** Told how far a check has come: `done` of `of` inodes or directories. */
export type Progress = (what: string, done: number, of: number) => void;

/** Bytes of metadata blocks that a check keeps in memory. */
const CACHE_BYTES = 48 * 1024 * 1024;

/**
 * One round over a volume: what its passes share. The passes read the blocks themselves, because what they check is not
 * to be trusted; the repairs that they cannot make in place are noted here and made afterwards, through `Volume`, when
 * bitmaps and inodes are sound.
 */
export class Check {
  readonly device: Overlay;
  readonly superblock: Superblock;
  readonly geometry: Geometry;
  readonly store: MetadataStore;
  readonly tree: directory.DirectoryContext;
  readonly findings: Findings;
  readonly usage: BlockUsage;
  readonly inodes: InodeMap;
  readonly groups: GroupTable;
  readonly progress: Progress;
  /** Inodes that an earlier round failed to repair; this one clears them. */
  readonly condemned: ReadonlySet<number>;

  readonly directories: number[] = [];
  /** Files that name a vector set. */
  readonly owners: number[] = [];
  /** Inodes whose `orphan_next` is not 0. */
  readonly linkedOrphans: number[] = [];
  readonly fileRebuilds = new Map<number, PlannedRun[]>();
  /** Files with written blocks past their end. */
  readonly tails: number[] = [];
  /** Inodes whose attribute block belongs to somebody else. */
  readonly sharedAttributes: number[] = [];
  readonly directoryRebuilds = new Map<number, PlannedEntry[]>();
  readonly entryFixes: EntryFix[] = [];
  inodesInUse = 0;
  blocksInUse = 0;

  constructor(
    device: Overlay,
    superblock: Superblock,
    findings: Findings,
    condemned: ReadonlySet<number>,
    progress: Progress,
  ) {
    this.device = device;
    this.superblock = superblock;
    this.geometry = superblock.geometry;
    this.findings = findings;
    this.condemned = condemned;
    this.progress = progress;
    const { blockSize } = this.geometry;
    const capacity = Math.max(64, Math.floor(CACHE_BYTES / blockSize));
    this.store = new MetadataStore(device, blockSize, superblock.seed, capacity);
    const noAllocation = (): never => {
      throw new Error('a check allocates nothing');
    };
    this.tree = {
      store: this.store,
      geometry: this.geometry,
      nameHash: new SipHash(superblock.hashKey),
      allocateBlock: noAllocation,
      freeBlock: noAllocation,
      requireBlocks: noAllocation,
    };
    this.usage = new BlockUsage(this.geometry);
    this.inodes = new InodeMap(this.geometry);
    this.groups = new GroupTable(device, this.geometry, this.store);
  }

  find(finding: Finding): void {
    this.findings.add(finding);
  }

  inodeSum(number: number, bytes: Uint8Array): number {
    const copy = bytes.slice();
    copy.fill(0, layout.checksum.offset, layout.checksum.offset + 4);
    const generation = copy.subarray(layout.generation.offset, layout.generation.offset + 4);
    return crc32c(crc32c(this.store.seedFor(number), generation), copy);
  }

  inodePosition(number: number): number {
    return this.geometry.inodeBlock(number) * this.geometry.blockSize + this.geometry.inodeOffset(number);
  }

  /** A copy of an inode's bytes as they lie in its table. */
  readInode(number: number): Inode {
    const bytes = new Uint8Array(INODE_SIZE);
    this.device.read(this.inodePosition(number), bytes);
    return new Inode(number, bytes, () => {});
  }

  /** Seals an inode and writes it into its table. */
  writeInode(inode: Inode): void {
    const view = new DataView(inode.bytes.buffer, inode.bytes.byteOffset);
    layout.checksum.set(view, 0, this.inodeSum(inode.number, inode.bytes));
    this.device.write(this.inodePosition(inode.number), inode.bytes);
  }

  clearInode(number: number): void {
    this.device.write(this.inodePosition(number), new Uint8Array(INODE_SIZE));
  }
}
