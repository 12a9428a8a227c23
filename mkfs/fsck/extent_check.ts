import { type DamageError, type Inode, type Run, walkExtents } from '@vexfs/fuse/volume';
import type { Check, PlannedRun } from './check.js';

/** What a file's extent tree takes. */
export interface ExtentUse {
  /** Blocks of data and of the tree. */
  readonly blocks: number;
  /** Whether the tree has to be made anew; it is noted in `fileRebuilds`. */
  readonly damaged: boolean;
  /** First logical block behind everything that is written, 0 for none. */
  readonly writtenEnd: number;
}

/**
 * Claims the blocks of a file and of its extent tree. A tree with damage, and one that claims what another inode has
 * claimed before it, is noted to be made anew from what is sound.
 */
export function checkExtents(check: Check, inode: Inode): ExtentUse {
  const own = new Set<number>();
  /** Nodes of others that were looked into. A block is entered once, or a tree could lead to one over and over. */
  const foreign = new Set<number>();
  let blocks = 0;
  let writtenEnd = 0;
  let damaged = false;
  const shared: Run[] = [];
  const find = (code: string, message: string, repair: string, block: number): void => {
    damaged = true;
    check.find({ code, message, repair, safe: false, inode: inode.number, ...(block > 0 ? { block } : {}) });
  };
  walkExtents(check.tree, inode, {
    node(block) {
      if (check.usage.claim(block, 1)) {
        own.add(block);
        return true;
      }
      find(
        'shared-block',
        `block ${block} of the extent tree of inode ${inode.number} is in use elsewhere`,
        'make the tree anew',
        block,
      );
      const isNew = !foreign.has(block) && !own.has(block);
      foreign.add(block);
      return isNew;
    },
    extent(run) {
      blocks += run.length;
      if (!run.unwritten) writtenEnd = Math.max(writtenEnd, run.logical + run.length);
      for (const part of claimParts(check, run)) {
        if (!part.copy) continue;
        shared.push(part);
        find(
          'shared-block',
          `inode ${inode.number} and another one use the blocks ${part.physical}+${part.length}`,
          'give the inode copies of them',
          part.physical,
        );
      }
    },
    damage(error: DamageError, block) {
      find('extent-tree', error.message, 'make the tree anew from its sound extents', block);
    },
  });
  if (damaged) {
    for (const node of own) check.usage.release(node, 1);
    check.fileRebuilds.set(inode.number, collect(check, inode, shared));
  }
  return { blocks: blocks + own.size, damaged, writtenEnd };
}

/** Claims what is free of a run; the parts tell which blocks belong to somebody else. */
function claimParts(check: Check, run: Run): PlannedRun[] {
  if (check.usage.claim(run.physical, run.length)) return [{ ...run, copy: false }];
  const parts: PlannedRun[] = [];
  for (let i = 0; i < run.length; i++) {
    const copy = !check.usage.claim(run.physical + i, 1);
    const last = parts[parts.length - 1];
    if (last !== undefined && last.copy === copy) {
      parts[parts.length - 1] = { ...last, length: last.length + 1 };
    } else {
      parts.push({
        logical: run.logical + i,
        physical: run.physical + i,
        length: 1,
        unwritten: run.unwritten,
        copy,
      });
    }
  }
  return parts;
}

/** The sound runs of a damaged tree, cut where blocks belong to somebody else. */
function collect(check: Check, inode: Inode, shared: readonly Run[]): PlannedRun[] {
  const runs: PlannedRun[] = [];
  const seen = new Set<number>();
  let next = 0;
  walkExtents(check.tree, inode, {
    node(block) {
      if (seen.has(block)) return false;
      seen.add(block);
      return true;
    },
    extent(run) {
      let at = 0;
      // `shared` is in the order in which the same walk found it.
      for (; next < shared.length && shared[next]!.logical < run.logical + run.length; next++) {
        const part = shared[next]!;
        const before = part.logical - run.logical;
        if (before > at) runs.push(piece(run, at, before - at, false));
        runs.push({ ...part, copy: true });
        at = before + part.length;
      }
      if (at < run.length) runs.push(piece(run, at, run.length - at, false));
    },
    damage() {},
  });
  return runs;
}

function piece(run: Run, skip: number, length: number, copy: boolean): PlannedRun {
  return {
    logical: run.logical + skip,
    physical: run.physical + skip,
    length,
    unwritten: run.unwritten,
    copy,
  };
}
