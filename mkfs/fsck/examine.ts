import {
  type BlockDevice,
  encodeSuperblock,
  finishOrphans,
  readSuperblock,
  type Superblock,
} from '@vexfs/fuse/volume';
import { STATE_ERRORS, SUPERBLOCK_SIZE } from '@vexfs/shared';
import { checkBackups, refreshBackups } from './backup_check.js';
import { checkBitmaps, writeSuperblock } from './bitmap_check.js';
import { Check, type Progress } from './check.js';
import { checkConnections } from './connect.js';
import { checkDirectories } from './directory_check.js';
import { Findings } from './finding.js';
import { scanInodes } from './inode_scan.js';
import { checkJournal } from './journal_check.js';
import { checkOrphans, checkStrayOrphans } from './orphan_check.js';
import { Overlay } from './overlay.js';
import { addPaths } from './paths.js';
import { OldBlocks, Repair } from './repair.js';
import { replaceRoot } from './root_check.js';
import { checkSets } from './set_check.js';
import { findSuperblock } from './superblock_check.js';

/** Rounds after which a volume that is still not sound is given up. */
const MOST_ROUNDS = 12;

export interface ExamineOptions {
  /** Block of the superblock copy to begin with. */
  readonly superblockCopy?: number;
  /** Stop after the first round: enough to know whether anything is wrong. */
  readonly lookOnly?: boolean;
  readonly progress?: Progress;
}

/** What a check found, and the repaired volume that it has made in memory. */
export interface Examination {
  readonly superblock: Superblock;
  readonly findings: Findings;
  /** All blocks that the repair changes. */
  readonly overlay: Overlay;
  /** What the device still has. */
  readonly old: OldBlocks;
  /** Whether what the overlay shows has been checked to be sound. Always false after a first round with findings. */
  readonly sound: boolean;
  /** Transactions of the journal that were replayed. */
  readonly replayed: number;
  /** Whether the journal itself was damaged and is emptied by the repair. */
  readonly journalReset: boolean;
  /** Inodes that the orphan list had deleted or cut. */
  readonly orphans: number;
  readonly inodesInUse: number;
  readonly directories: number;
  readonly vectorSets: number;
  readonly blocksInUse: number;
}

/**
 * Checks the volume on `device`, which is only read, and repairs a copy of it in memory, round by round, until a round
 * finds nothing any more. Throws UncheckableError with a sentence when there is no volume to check, DeviceError.
 */
export function examine(device: BlockDevice, options: ExamineOptions = {}): Examination {
  const findings = new Findings();
  const found = findSuperblock(device, options.superblockCopy);
  const blockSize = new DataView(found.bytes.buffer).getUint32(8, true);
  const overlay = new Overlay(device, blockSize);
  if (found.reason !== undefined) {
    findings.add({
      code: 'superblock',
      message: found.reason,
      repair: 'write it anew',
      safe: false,
      block: 0,
    });
    overlay.write(0, found.bytes);
  }
  const { geometry, uuid } = readSuperblock(overlay);
  const journal = checkJournal(overlay, geometry, uuid, findings);
  // A replay may bring back what was wrong with block 0.
  const replayed = findSuperblock(overlay);
  if (replayed.reason !== undefined) {
    if (found.reason === undefined) {
      findings.add({
        code: 'superblock',
        message: replayed.reason,
        repair: 'write it anew',
        safe: false,
        block: 0,
      });
    }
    overlay.write(0, replayed.bytes);
  }
  const old = new OldBlocks();
  let condemned: ReadonlySet<number> = new Set();
  for (let rounds = 1; ; rounds++) {
    const before = findings.count;
    const { check, failed } = round(overlay, findings, condemned, old, options.progress ?? (() => {}));
    const found = findings.count > before;
    if (rounds === 1 && findings.count > 0) addPaths(check);
    if (!found || options.lookOnly === true || rounds === MOST_ROUNDS) {
      const sound = !found;
      let orphans = 0;
      if (options.lookOnly !== true) {
        if (sound) orphans = finish(check, old, findings.count > 0);
        else mark(overlay);
      }
      return {
        superblock: readSuperblock(overlay),
        findings,
        overlay,
        old,
        sound,
        replayed: journal.replayed,
        journalReset: journal.reset,
        orphans,
        inodesInUse: check.inodesInUse,
        directories: check.directories.length,
        vectorSets: check.owners.length,
        blocksInUse: check.blocksInUse,
      };
    }
    condemned = new Set([...condemned, ...failed]);
  }
}

function round(
  overlay: Overlay,
  findings: Findings,
  condemned: ReadonlySet<number>,
  old: OldBlocks,
  progress: Progress,
): { check: Check; failed: Set<number> } {
  const failed = new Set<number>();
  const check = new Check(overlay, readSuperblock(overlay), findings, condemned, progress);
  const before = findings.count;
  if ((check.superblock.state & STATE_ERRORS) !== 0) {
    findings.add({
      code: 'state',
      message: 'the volume is marked as damaged',
      repair: 'remove the mark',
      safe: true,
    });
    check.superblock.state = 0;
  }
  const orphans = checkOrphans(check);
  scanInodes(check, orphans);
  checkStrayOrphans(check);
  replaceRoot(check);
  checkDirectories(check);
  checkBitmaps(check);
  const backupsAreSound = checkBackups(check);
  if (findings.count > before) writeSuperblock(check);
  const repair = new Repair(check, failed, old);
  repair.rebuildFiles();
  repair.rebuildDirectories();
  repair.commit();
  checkSets(repair);
  checkConnections(repair);
  if (!backupsAreSound) refreshBackups(check);
  return { check, failed };
}

/** On a sound volume: finishes with the orphans, and brings the copies of a repaired one up to date. */
function finish(check: Check, old: OldBlocks, isRepaired: boolean): number {
  const repair = new Repair(check, new Set(), old);
  const { deleted, cut } = finishOrphans(repair.volume, () => repair.commit());
  repair.commit();
  if (isRepaired) refreshBackups(check);
  return deleted + cut;
}

/** What could not be repaired in full stays marked as damaged. */
function mark(overlay: Overlay): void {
  const superblock = readSuperblock(overlay);
  superblock.state |= STATE_ERRORS;
  const bytes = new Uint8Array(SUPERBLOCK_SIZE);
  encodeSuperblock(superblock, bytes);
  overlay.write(0, bytes);
}
