import { extentEntry, extentHeader } from '@vexfs/shared';
import type { MetaBlock } from './store.js';

/** Bytes of the header of a node of an extent tree. */
export const HEADER = extentHeader.$.size;
const ENTRY = extentEntry.$.size;

/** A node of an extent tree: the root inside an inode, or a block. */
export interface Node {
  readonly view: DataView;
  readonly bytes: Uint8Array;
  readonly block: MetaBlock | undefined;
}

/** A node and the entry taken in it on the way down. */
export interface Step {
  readonly node: Node;
  at: number;
}

/** Entries that fit in a block. */
export function entriesIn(blockSize: number): number {
  return Math.floor((blockSize - HEADER) / ENTRY);
}

/** Where an entry begins in its node. */
export const at = (entry: number): number => HEADER + entry * ENTRY;
export const countOf = (node: Node): number => extentHeader.count.get(node.view, 0);
export const depthOf = (node: Node): number => extentHeader.depth.get(node.view, 0);
