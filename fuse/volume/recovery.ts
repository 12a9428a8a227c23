import { finishTruncate } from './content.js';
import { NeedCommit } from './errors.js';
import { deleteInode } from './namespace.js';
import type { Volume } from './volume.js';

/**
 * Finishes what a crash interrupted, after the journal was replayed: inodes on the orphan list without links are
 * deleted, those with links are cut to their size. `commit` ends the running transaction. Returns the inodes deleted and cut.
 */
export function finishOrphans(volume: Volume, commit: () => void): { deleted: number; cut: number } {
  let deleted = 0;
  let cut = 0;
  for (const inode of volume.orphans.load()) {
    if (inode.links === 0) {
      while (!deleteInode(volume, inode)) commit();
      deleted += 1;
    } else {
      volume.cutting.add(inode.number);
      for (;;) {
        try {
          finishTruncate(volume, inode);
          break;
        } catch (error) {
          if (!(error instanceof NeedCommit)) throw error;
          commit();
        }
      }
      cut += 1;
    }
  }
  if (deleted + cut > 0) commit();
  return { deleted, cut };
}
