import { GROUP_DESCRIPTOR_SIZE, hasSuperblock, superblock as layout, SUPERBLOCK_SIZE } from '@vexfs/shared';
import type { Check } from './check.js';
import { descriptorSum } from './group_table.js';
import { seal } from './superblock_check.js';

/** Fields of the superblock in which a copy may lag behind. */
const CHANGING = new Set([
  'free_blocks',
  'free_inodes',
  'orphan_head',
  'state',
  'mount_time',
  'write_time',
  'mount_count',
  'checksum',
  'label',
  'reserved_blocks',
  'reserved_uid',
  'reserved_gid',
]);

/** Checks the copies of superblock and descriptors behind group 0; returns whether all are sound. */
export function checkBackups(check: Check): boolean {
  const { geometry } = check;
  let sound = true;
  for (let group = 1; group < geometry.groupCount; group++) {
    if (!hasSuperblock(group)) continue;
    const block = geometry.groupStart(group);
    const what = superblockIsGood(check, block)
      ? descriptorsAreGood(check, block + 1)
        ? undefined
        : 'descriptors'
      : 'superblock';
    if (what === undefined) continue;
    sound = false;
    check.find({
      code: 'backup',
      message: `the copy of the ${what} in group ${group} is damaged`,
      repair: 'write it anew',
      safe: true,
      group,
      block,
    });
  }
  return sound;
}

/** Writes all copies anew from what is in use. */
export function refreshBackups(check: Check): void {
  const { geometry, device } = check;
  const first = new Uint8Array(SUPERBLOCK_SIZE);
  device.read(0, first);
  const descriptors = new Uint8Array(geometry.descriptorBlocks * geometry.blockSize);
  device.read(geometry.blockSize, descriptors);
  for (let group = 1; group < geometry.groupCount; group++) {
    if (!hasSuperblock(group)) continue;
    const block = geometry.groupStart(group);
    const bytes = new Uint8Array(geometry.blockSize);
    bytes.set(first);
    seal(bytes.subarray(0, SUPERBLOCK_SIZE), block);
    device.write(block * geometry.blockSize, bytes);
    device.write((block + 1) * geometry.blockSize, descriptors);
  }
}

function superblockIsGood(check: Check, block: number): boolean {
  const bytes = new Uint8Array(SUPERBLOCK_SIZE);
  check.device.read(block * check.geometry.blockSize, bytes);
  const sealed = bytes.slice();
  seal(sealed, block);
  if (Buffer.compare(bytes, sealed) !== 0) return false;
  for (const [name, field] of layout.$.fields) {
    if (CHANGING.has(name)) continue;
    const end = field.offset + field.size;
    const own = check.superblock.bytes.subarray(field.offset, end);
    if (Buffer.compare(bytes.subarray(field.offset, end), own) !== 0) return false;
  }
  return true;
}

/** Their numbers are out of date; their sums have to be right. */
function descriptorsAreGood(check: Check, block: number): boolean {
  const { geometry, store } = check;
  const bytes = new Uint8Array(geometry.descriptorBlocks * geometry.blockSize);
  check.device.read(block * geometry.blockSize, bytes);
  const view = new DataView(bytes.buffer);
  for (let group = 0; group < geometry.groupCount; group++) {
    const at = group * GROUP_DESCRIPTOR_SIZE;
    const stored = view.getUint32(at + GROUP_DESCRIPTOR_SIZE - 4, true);
    if (stored !== descriptorSum(store, group, bytes)) return false;
  }
  return true;
}
