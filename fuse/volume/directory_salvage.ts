import {
  DIRECTORY_MAGIC,
  DIRECTORY_NAME_OFFSET,
  directoryEntry,
  directoryHeader,
  directoryIndex,
  directoryRoot,
  MAX_TREE_DEPTH,
} from '@vexfs/shared';
import { innerCapacity, recordSize } from './directory_node.js';
import type { DirectoryContext } from './directory_path.js';
import { DamageError } from './errors.js';
import { rawBlock } from './extent_walk.js';
import type { OwnedBlocks } from './tree_context.js';

const HEADER = directoryHeader.$.size;
const SLOT = 2;
const NUL = 0;
const SLASH = 0x2f;

/** An entry that can be saved; `name` is a window that is valid during the call only. */
export type SalvageVisitor = (name: Uint8Array, inode: number, type: number) => void;

/**
 * Shows every entry of a damaged directory that can be believed, each name once, in no order. Of a leaf whose checksum
 * is right every record with a possible name counts; of one whose checksum is wrong only records whose 56-bit hash
 * agrees with their name. Subtrees without a readable node are lost. `enter` is asked before a block is read; each block
 * is read once. Throws DeviceError only.
 */
export function salvage(
  ctx: DirectoryContext,
  dir: OwnedBlocks,
  enter: (block: number) => boolean,
  visit: SalvageVisitor,
): void {
  const { geometry, store } = ctx;
  const seen = new Set<number>();
  const names = new Set<string>();
  const stack: Array<{ block: number; level: number }> = [];
  const push = (block: number, level: number): void => {
    if (!geometry.isDataRange(block, 1) || seen.has(block) || !enter(block)) return;
    seen.add(block);
    stack.push({ block, level });
  };
  const depth = directoryRoot.depth.get(dir.rootView, 0);
  push(directoryRoot.block.get(dir.rootView, 0), depth <= MAX_TREE_DEPTH ? depth : -1);
  while (stack.length > 0) {
    const { block, level } = stack.pop()!;
    const { view, intact } = load(ctx, dir, block);
    // Either the sum vouches for a node or its header agrees with the place where it was found.
    const magic = directoryHeader.magic.get(view, 0) === DIRECTORY_MAGIC;
    const owned = directoryHeader.owner.get(view, 0) === dir.number;
    if (!magic || !owned) continue;
    const found = directoryHeader.level.get(view, 0);
    if (found > MAX_TREE_DEPTH || (!intact && level >= 0 && found !== level)) continue;
    const count = directoryHeader.count.get(view, 0);
    if (found > 0) {
      const entries = Math.min(count, innerCapacity(store.blockSize));
      for (let i = entries - 1; i >= 0; i--) {
        push(directoryIndex.child.get(view, HEADER + i * directoryIndex.$.size), found - 1);
      }
      continue;
    }
    leaf(ctx, view, count, intact, names, visit);
  }
}

function load(ctx: DirectoryContext, dir: OwnedBlocks, block: number): { view: DataView; intact: boolean } {
  try {
    return { view: ctx.store.getOwned(block, 'directory', dir.number).view, intact: true };
  } catch (error) {
    if (!(error instanceof DamageError)) throw error;
    return { view: rawBlock(ctx.store, block), intact: false };
  }
}

function leaf(
  ctx: DirectoryContext,
  view: DataView,
  count: number,
  intact: boolean,
  names: Set<string>,
  visit: SalvageVisitor,
): void {
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  const slots = Math.min(count, Math.floor((bytes.length - HEADER) / SLOT));
  for (let slot = 0; slot < slots; slot++) {
    const at = view.getUint16(HEADER + slot * SLOT, true);
    if (at < HEADER || at % 8 !== 0 || at + directoryEntry.$.size > bytes.length) continue;
    const length = directoryEntry.name_length.get(view, at);
    if (length === 0 || at + recordSize(length) > bytes.length) continue;
    const start = at + DIRECTORY_NAME_OFFSET;
    const name = bytes.subarray(start, start + length);
    if (name.includes(NUL) || name.includes(SLASH)) continue;
    const inode = directoryEntry.inode.get(view, at);
    if (inode < 1 || inode > ctx.geometry.inodeCount) continue;
    if (!intact && !agrees(ctx, view, at, name)) continue;
    const { size } = names;
    names.add(Buffer.from(name).toString('latin1'));
    if (names.size > size) visit(name, inode, directoryEntry.type.get(view, at));
  }
}

function agrees(ctx: DirectoryContext, view: DataView, at: number, name: Uint8Array): boolean {
  const { nameHash } = ctx;
  nameHash.hash(name);
  const hi = (((nameHash.hi & 0xffffff) << 7) | (nameHash.lo >>> 25)) >>> 0;
  const lo = (nameHash.lo << 7) >>> 0;
  const cookie = at + directoryEntry.cookie.offset;
  return view.getUint32(cookie + 4, true) === hi && (view.getUint32(cookie, true) & ~0x7f) >>> 0 === lo;
}
