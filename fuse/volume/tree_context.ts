import type { Geometry } from './geometry.js';
import type { MetadataStore } from './store.js';

/** The inode whose blocks are allocated and freed. */
export interface OwnedBlocks {
  readonly number: number;
  readonly generation: number;
  /** The 112 bytes of `inode.root`. */
  readonly root: Uint8Array;
  /** A view of exactly `root`. */
  readonly rootView: DataView;
  /** Blocks that the inode owns, itself not counted. */
  blocks: number;
  /** The block of extended attributes, 0 for none. */
  xattrBlock: number;
  /** Must be called after a change to any of the above. */
  markDirty(): void;
}

/** What directory trees and attribute blocks need of the volume. Everything is synchronous and on one thread. */
export interface TreeContext {
  readonly store: MetadataStore;
  readonly geometry: Geometry;
  /** One block near `goal`, counted in `owner.blocks`; the caller has checked with requireBlocks that there is one. */
  allocateBlock(goal: number, owner: OwnedBlocks): number;
  /** Gives a metadata block back, counts it off `owner.blocks` and makes the store forget it. */
  freeBlock(block: number, owner: OwnedBlocks): void;
  /**
   * Throws what a later free of these blocks would throw (DamageError, DeviceError), so that an operation can free them
   * without stopping half-way. Where it is missing, freeing does not fail.
   */
  expectFree?(block: number, length: number): void;
  /** Throws FsError(ENOSPC) or NeedCommit when fewer than `count` blocks can be had; changes nothing. */
  requireBlocks(count: number): void;
}
