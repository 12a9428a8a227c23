/**
 * A small check of an unmounted volume: everything that is reachable from the root is walked, and counts, link counts and
 * the block bitmaps have to agree with it. fsck.vexfs is asked as well where it is there.
 */
import { existsSync } from 'node:fs';
import { FileDevice } from '@vexfs/fuse/system';
import {
  directory,
  extentsOf,
  holdsExtents,
  type Inode,
  slotsIn,
  VectorSet,
  Volume,
} from '@vexfs/fuse/volume';
import { RECORD_DELETE, RECORD_TRUNCATE, ROOT_INODE, setHeader } from '@vexfs/shared';
import { FSCK, runNode } from './backend/programs.js';

/** Throws an Error that lists what is wrong with the volume at `path`. Changes nothing. */
export function checkVolume(path: string): void {
  const device = FileDevice.open(path, { readOnly: true });
  const problems: string[] = [];
  try {
    const { volume } = Volume.open(device, { readOnly: true, deviceReadOnly: true });
    new Check(volume, problems).run();
  } finally {
    device.close();
  }
  if (existsSync(FSCK)) {
    const outcome = runNode(FSCK, ['-n', path], 60_000);
    if (outcome.code !== 0)
      problems.push(`fsck.vexfs -n: ${outcome.code}\n${outcome.stdout}${outcome.stderr}`);
  }
  if (problems.length > 0) throw new Error(`${path} is not sound:\n  ${problems.slice(0, 40).join('\n  ')}`);
}

class Check {
  private readonly volume: Volume;
  private readonly problems: string[];
  /** Number of times that each block of the volume is claimed. */
  private readonly claimed: Uint8Array;
  private readonly names = new Map<number, number>();
  private readonly seen = new Set<number>();

  constructor(volume: Volume, problems: string[]) {
    this.volume = volume;
    this.problems = problems;
    this.claimed = new Uint8Array(volume.geometry.totalBlocks);
  }

  run(): void {
    const { geometry } = this.volume;
    for (let group = 0; group < geometry.groupCount; group++) {
      this.claim(geometry.groupStart(group), geometry.metadataBlocks(group), 'fixed metadata');
    }
    this.claim(geometry.journalStart, geometry.journalBlocks, 'the journal');
    this.directory(this.volume.inodes.get(ROOT_INODE));
    for (const [number, count] of this.names) {
      const { links } = this.volume.inodes.get(number);
      if (links !== count) this.problems.push(`inode ${number} has ${count} names and ${links} links`);
    }
    if (this.volume.superblock.orphanHead !== 0) this.problems.push('there are orphans after an unmount');
    this.counts();
  }

  private claim(start: number, length: number, what: string): number {
    for (let block = start; block < start + length; block++) {
      this.claimed[block]! += 1;
      if (this.claimed[block] === 2) this.problems.push(`block ${block} is used twice, also by ${what}`);
    }
    return length;
  }

  private directory(root: Inode): void {
    const pending = [root];
    for (let dir = pending.pop(); dir !== undefined; dir = pending.pop()) {
      const here = dir;
      let folders = 0;
      let entries = 0;
      let blocks = this.attributes(here);
      this.seen.add(here.number);
      directory.walk(this.volume, here, {
        block: (number) => {
          blocks += this.claim(number, 1, `directory ${here.number}`);
          return true;
        },
        entry: (name, number, type) => {
          entries += 1;
          const inode = this.volume.inodes.get(number);
          if (inode.mode >> 12 !== type) this.problems.push(`'${Buffer.from(name)}' names another type`);
          if (inode.isHidden) this.problems.push(`'${Buffer.from(name)}' names a hidden inode`);
          if (inode.isDirectory) {
            folders += 1;
            if (inode.parent !== here.number) this.problems.push(`directory ${number} has a wrong parent`);
            pending.push(inode);
          } else {
            this.names.set(number, (this.names.get(number) ?? 0) + 1);
            if (!this.seen.has(number)) this.file(inode);
          }
        },
        damage: (error) => this.problems.push(error.message),
      });
      if (entries !== directory.entryCount(here)) this.problems.push(`directory ${here.number} miscounts`);
      if (here.links !== folders + 2) {
        this.problems.push(`directory ${here.number} has ${here.links} links, not ${folders + 2}`);
      }
      this.blocksAgree(here, blocks);
    }
  }

  private attributes(inode: Inode): number {
    return inode.xattrBlock === 0 ? 0 : this.claim(inode.xattrBlock, 1, `attributes of ${inode.number}`);
  }

  private blocksAgree(inode: Inode, blocks: number): void {
    if (inode.blocks !== blocks) {
      this.problems.push(`inode ${inode.number} counts ${inode.blocks} blocks and has ${blocks}`);
    }
  }

  private file(inode: Inode): void {
    this.seen.add(inode.number);
    let blocks = this.attributes(inode);
    if (holdsExtents(inode)) blocks += this.extents(inode);
    this.blocksAgree(inode, blocks);
    if (inode.vectorSet !== 0) this.vectors(inode);
  }

  private extents(inode: Inode): number {
    let blocks = 0;
    const end = Math.ceil(inode.size / this.volume.geometry.blockSize);
    const tree = extentsOf(this.volume, inode);
    for (const run of tree.all()) {
      blocks += this.claim(run.physical, run.length, `inode ${inode.number}`);
      if (run.logical + run.length > end && !run.unwritten) {
        this.problems.push(`inode ${inode.number} has blocks past its end at ${run.logical}`);
      }
    }
    tree.treeBlocks((block) => {
      blocks += this.claim(block, 1, `the extent tree of ${inode.number}`);
    });
    return blocks;
  }

  private hidden(number: number): Inode {
    const inode = this.volume.inodes.get(number);
    this.seen.add(number);
    this.blocksAgree(inode, this.extents(inode));
    return inode;
  }

  private vectors(owner: Inode): void {
    const set = VectorSet.open(this.volume, owner);
    this.hidden(owner.vectorSet);
    const header = this.setHeader(set.inode);
    for (const field of [setHeader.log_inode, setHeader.graph_inode]) {
      const number = field.get(header, 0);
      if (number !== 0) this.hidden(number);
    }
    const rows = new Map<number, bigint>();
    set.replay((type, slot, low, high, count) => {
      if (type === RECORD_TRUNCATE) {
        for (const one of [...rows.keys()]) if (one >= slot) rows.delete(one);
        return;
      }
      const first = (BigInt(high) << 32n) | BigInt(low);
      for (let i = 0; i < count; i++) {
        rows.delete(slot + i);
        if (type === RECORD_DELETE) continue;
        const id = first + BigInt(i);
        rows.set(slot + i, id);
        if (id >= set.nextId) this.problems.push(`inode ${owner.number} has the id ${id} past its mark`);
      }
    });
    if (rows.size !== set.liveRows) {
      this.problems.push(`inode ${owner.number} counts ${set.liveRows} rows, its log has ${rows.size}`);
    }
    if (new Set(rows.values()).size !== rows.size)
      this.problems.push(`inode ${owner.number} has an id twice`);
    if (set.slots !== slotsIn(set.layout, owner.size)) {
      this.problems.push(`inode ${owner.number} has ${set.slots} slots, its size says otherwise`);
    }
  }

  private setHeader(set: Inode): DataView {
    const { blockSize } = this.volume.geometry;
    const bytes = new Uint8Array(blockSize);
    const { physical } = extentsOf(this.volume, set).find(0, 1);
    this.volume.device.read(physical * blockSize, bytes);
    return new DataView(bytes.buffer);
  }

  private counts(): void {
    const { geometry, groups, superblock } = this.volume;
    let free = 0;
    for (let group = 0; group < geometry.groupCount; group++) {
      const start = geometry.groupStart(group);
      const bitmap = groups.blocksUninitialised(group) ? undefined : groups.blockBitmap(group).bytes;
      let here = 0;
      for (let i = 0; i < geometry.groupBlocks(group); i++) {
        const used = bitmap === undefined ? i < geometry.metadataBlocks(group) : isSet(bitmap, i);
        if (used !== this.claimed[start + i]! > 0) {
          this.problems.push(
            `block ${start + i} is ${used ? 'marked used but lost' : 'used but marked free'}`,
          );
        }
        if (!used) here += 1;
      }
      if (here !== groups.freeBlocks[group]) this.problems.push(`group ${group} miscounts its free blocks`);
      free += here;
      const inodes = this.usedInodes(group);
      if (geometry.inodesPerGroup - inodes !== groups.freeInodes[group]) {
        this.problems.push(`group ${group} miscounts its free inodes`);
      }
    }
    if (free !== superblock.freeBlocks)
      this.problems.push(`${superblock.freeBlocks} blocks free, not ${free}`);
    const freeInodes = groups.freeInodes.reduce((sum, count) => sum + count, 0);
    if (freeInodes !== superblock.freeInodes) this.problems.push('the superblock miscounts its free inodes');
  }

  private usedInodes(group: number): number {
    const { geometry, groups } = this.volume;
    if (groups.inodesUninitialised(group)) return 0;
    const bitmap = groups.inodeBitmap(group).bytes;
    let used = 0;
    for (let i = 0; i < geometry.inodesPerGroup; i++) {
      if (!isSet(bitmap, i)) continue;
      used += 1;
      const number = group * geometry.inodesPerGroup + i + 1;
      if (number > 10 && !this.seen.has(number))
        this.problems.push(`inode ${number} is marked used but lost`);
    }
    return used;
  }
}

function isSet(bitmap: Uint8Array, bit: number): boolean {
  return (bitmap[bit >> 3]! & (1 << (bit & 7))) !== 0;
}
