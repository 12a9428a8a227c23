import { STATE_ERRORS } from '@vexfs/shared';
import { finishTruncate } from './content.js';
import { DamageError, NeedCommit } from './errors.js';
import type { Inode } from './inode.js';
import { deleteInode } from './namespace.js';
import type { Volume } from './volume.js';

/**
 * Finishes what a crash interrupted, after the journal was replayed: inodes on the orphan list without links are
 * deleted, those with links are cut to their size. `commit` ends the running transaction. Damaged ones are left alone, and
 * noted in the superblock. Returns the inodes deleted and cut.
 */
export function finishOrphans(volume: Volume, commit: () => void): { deleted: number; cut: number } {
  let deleted = 0;
  let cut = 0;
  const { inodes, isWhole } = volume.orphans.load();
  if (!isWhole) volume.noteErrors(STATE_ERRORS);
  for (const inode of inodes) {
    // Many small orphans are as large a transaction as one with many pieces.
    if (volume.transactionBlocks + volume.store.revokedBlocks > volume.freeBudget) commit();
    try {
      if (inode.links === 0) {
        while (!deleteInode(volume, inode)) commit();
        deleted += 1;
      } else {
        volume.cutting.add(inode.number);
        finishCut(volume, inode, commit);
        cut += 1;
      }
    } catch (error) {
      if (!(error instanceof DamageError)) throw error;
      // It stays on the list for fsck: one damaged inode must not keep the others from being reached.
      volume.noteErrors(STATE_ERRORS);
    }
  }
  if (deleted + cut > 0 || !isWhole) commit();
  return { deleted, cut };
}

function finishCut(volume: Volume, inode: Inode, commit: () => void): void {
  for (;;) {
    try {
      finishTruncate(volume, inode);
      return;
    } catch (error) {
      if (!(error instanceof NeedCommit)) throw error;
      commit();
    }
  }
}
