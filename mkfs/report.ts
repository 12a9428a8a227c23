import type { FormatPlan } from '@vexfs/fuse/volume';
import { hasSuperblock } from '@vexfs/shared';
import { describeSize } from './size.js';
import { formatUuid } from './uuid.js';

/** First blocks of the groups behind group 0 that keep a copy of the superblock. */
export function superblockBackups(plan: FormatPlan): number[] {
  const { geometry } = plan;
  const blocks: number[] = [];
  for (let group = 1; group < geometry.groupCount; group++) {
    if (hasSuperblock(group)) blocks.push(geometry.groupStart(group));
  }
  return blocks;
}

/** The volume for people, a few lines. */
export function describePlan(path: string, plan: FormatPlan, dryRun: boolean): string {
  const { geometry } = plan;
  const { blockSize, totalBlocks, groupCount } = geometry;
  const percent = Number(((plan.reservedBlocks * 100) / totalBlocks).toFixed(2));
  const groups = groupCount === 1 ? '1 group' : `${groupCount} groups`;
  const lines = [
    `${dryRun ? 'Would make' : 'Making'} a volume on ${path}: ${totalBlocks} blocks of ${blockSize} bytes (${describeSize(totalBlocks * blockSize)})`,
    `UUID: ${formatUuid(plan.uuid)}`,
    ...(plan.label === '' ? [] : [`Label: ${plan.label}`]),
    `${groups} of ${geometry.blocksPerGroup} blocks and ${geometry.inodesPerGroup} inodes, ${geometry.inodeCount} inodes in all`,
    `Journal: ${geometry.journalBlocks} blocks (${describeSize(geometry.journalBlocks * blockSize)}) from block ${geometry.journalStart}`,
    `Reserved: ${plan.reservedBlocks} blocks (${percent} %) for user 0`,
  ];
  const backups = superblockBackups(plan);
  if (backups.length > 0) lines.push(`Copies of the superblock: ${backups.join(', ')}`);
  return `${lines.join('\n')}\n`;
}

/** The volume for programs: one JSON object, documented in docs/mkfs.vexfs.md. */
export function planToJson(path: string, plan: FormatPlan, dryRun: boolean): string {
  const { geometry } = plan;
  return `${JSON.stringify({
    target: path,
    dry_run: dryRun,
    uuid: formatUuid(plan.uuid),
    label: plan.label,
    size_bytes: geometry.totalBlocks * geometry.blockSize,
    block_size: geometry.blockSize,
    total_blocks: geometry.totalBlocks,
    free_blocks: plan.freeBlocks,
    reserved_blocks: plan.reservedBlocks,
    inodes: geometry.inodeCount,
    groups: geometry.groupCount,
    blocks_per_group: geometry.blocksPerGroup,
    inodes_per_group: geometry.inodesPerGroup,
    journal_start: geometry.journalStart,
    journal_blocks: geometry.journalBlocks,
    vector_data_start: plan.vectorDataStart,
    index_metadata_start: plan.indexMetadataStart,
    superblock_backups: superblockBackups(plan),
  })}\n`;
}
