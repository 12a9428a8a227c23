import { openJournal, recover } from '@vexfs/fuse/journal';
import { type BlockDevice, readSuperblock, VolumeError } from '@vexfs/fuse/volume';
import { superblock as layout, STATE_ERRORS } from '@vexfs/shared';
import { applyRepairs } from './apply.js';
import type { Mode } from './arguments.js';
import type { Progress } from './check.js';
import { examine } from './examine.js';
import { CANCELLED, CLEAN, CORRECTED, ERRORS_LEFT } from './exit_code.js';
import type { Finding } from './finding.js';
import { journalArea } from './journal_check.js';
import type { Outcome } from './report.js';

export interface RunOptions {
  readonly mode: Mode;
  readonly force?: boolean;
  readonly superblockCopy?: number;
  readonly progress?: Progress;
  /** For mode `ask`: shows the findings and asks once; undefined when the person has cancelled. */
  readonly ask?: (findings: readonly Finding[]) => boolean | undefined;
}

/**
 * Checks the volume on `device` and repairs it as far as the mode allows. With mode `look` the device is never written.
 * Throws UncheckableError, DeviceError, JournalError.
 */
export function checkVolume(device: BlockDevice, options: RunOptions): Outcome {
  const { mode } = options;
  let replayed = 0;
  if (mode !== 'look') {
    const recovered = recoverFirst(device);
    replayed = recovered.replayed;
    const maySkip = options.force !== true && options.superblockCopy === undefined;
    if (maySkip && recovered.inOrder) {
      return { exitCode: CLEAN, verdict: 'skipped', repaired: false, replayed, orphans: 0 };
    }
  }
  const examination = examine(device, {
    lookOnly: mode === 'look',
    ...(options.superblockCopy === undefined ? {} : { superblockCopy: options.superblockCopy }),
    ...(options.progress === undefined ? {} : { progress: options.progress }),
  });
  const { findings, sound, orphans } = examination;
  const base = { examination, replayed: replayed + examination.replayed, orphans };
  if (findings.count === 0) {
    if (mode !== 'look') applyRepairs(device, examination);
    return { ...base, exitCode: CLEAN, verdict: 'clean', repaired: false };
  }
  const left = { ...base, orphans: 0, exitCode: ERRORS_LEFT, verdict: 'errors', repaired: false } as const;
  if (mode === 'look' || (mode === 'safe' && findings.unsafe > 0)) return left;
  if (mode === 'ask') {
    const answer = options.ask?.(findings.list);
    if (answer === undefined) return { ...left, exitCode: ERRORS_LEFT | CANCELLED };
    if (!answer) return left;
  }
  applyRepairs(device, examination);
  return sound
    ? { ...base, exitCode: CORRECTED, verdict: 'repaired', repaired: true }
    : { ...left, exitCode: CORRECTED | ERRORS_LEFT, repaired: true };
}

/** Replays an intact journal, as a mount would, and tells whether the volume was left in order. */
function recoverFirst(device: BlockDevice): { replayed: number; inOrder: boolean } {
  try {
    const { geometry, unknownRoCompat, bytes } = readSuperblock(device);
    const compat = layout.feature_compat.get(new DataView(bytes.buffer, bytes.byteOffset), 0);
    if (unknownRoCompat !== 0 || compat !== 0) return { replayed: 0, inOrder: false };
    const area = journalArea(geometry);
    openJournal(device, area);
    const { transactions } = recover(device, area, geometry.totalBlocks);
    const { state, orphanHead } = readSuperblock(device);
    const inOrder = (state & STATE_ERRORS) === 0 && orphanHead === 0;
    return { replayed: transactions, inOrder };
  } catch (error) {
    const name = (error as Error).name;
    if (error instanceof VolumeError || name === 'JournalError') return { replayed: 0, inOrder: false };
    throw error;
  }
}
