import type { Examination } from './examine.js';
import type { Finding } from './finding.js';

/** How a run ended. */
export interface Outcome {
  readonly exitCode: number;
  /** `skipped`: the volume was left in order and nothing was looked at. */
  readonly verdict: 'clean' | 'skipped' | 'repaired' | 'errors';
  /** Whether the findings were repaired. */
  readonly repaired: boolean;
  /** Absent when nothing was looked at. */
  readonly examination?: Examination;
  /** Transactions of the journal that were replayed, or with -n would be. */
  readonly replayed: number;
  readonly orphans: number;
}

/** One line: what is wrong, where, what is done about it. */
export function describeFinding(finding: Finding, tense: 'would' | 'did' | 'not'): string {
  const where = finding.path === undefined ? '' : ` [${finding.path}]`;
  if (finding.repair === undefined) return `${finding.code}: ${finding.message}${where}`;
  const repair =
    tense === 'did' ? `done: ${finding.repair}` : tense === 'would' ? `would ${finding.repair}` : '';
  return `${finding.code}: ${finding.message}${where}${repair === '' ? '' : `; ${repair}`}`;
}

/** The last line. With `lookOnly` the journal was replayed in memory alone. */
export function summarise(target: string, outcome: Outcome, lookOnly: boolean): string {
  const { verdict, examination, replayed, orphans } = outcome;
  const past: string[] = [];
  if (replayed > 0) past.push(`journal: ${replayed} transactions ${lookOnly ? 'to replay' : 'replayed'}`);
  if (orphans > 0) past.push(`${orphans} orphans finished`);
  const note = past.length === 0 ? '' : ` (${past.join(', ')})`;
  if (examination === undefined) return `${target}: clean${note}`;
  const { superblock, inodesInUse, directories, vectorSets, blocksInUse, findings } = examination;
  const { inodeCount, totalBlocks } = superblock.geometry;
  const counts =
    `${inodesInUse}/${inodeCount} inodes (${directories} directories, ${vectorSets} vector sets), ` +
    `${blocksInUse}/${totalBlocks} blocks`;
  if (verdict === 'clean') return `${target}: clean, ${counts}${note}`;
  const number = findings.count === 1 ? '1 error' : `${findings.count} errors`;
  if (verdict === 'repaired') return `${target}: ${number} corrected, ${counts}${note}`;
  return `${target}: ${number} found and not corrected, ${counts}${note}`;
}

/** The outcome for programs: one JSON object, documented in docs/fsck.vexfs.md. */
export function outcomeToJson(target: string, outcome: Outcome): string {
  const { examination } = outcome;
  return `${JSON.stringify({
    target,
    verdict: outcome.verdict,
    exit_code: outcome.exitCode,
    repaired: outcome.repaired,
    journal_transactions: outcome.replayed,
    orphans: outcome.orphans,
    ...(examination === undefined
      ? {}
      : {
          errors: examination.findings.count,
          inodes_in_use: examination.inodesInUse,
          inodes: examination.superblock.geometry.inodeCount,
          directories: examination.directories,
          vector_sets: examination.vectorSets,
          blocks_in_use: examination.blocksInUse,
          total_blocks: examination.superblock.geometry.totalBlocks,
          findings: examination.findings.list,
        }),
  })}\n`;
}
