import {
  directory,
  extentsOf,
  holdsExtents,
  type Inode,
  slotsIn,
  VectorSet,
  type Volume,
  xattr,
} from '@vexfs/fuse/volume';
import {
  FIRST_INODE,
  LOG_MAGIC,
  logHeader,
  RECORD_DELETE,
  RECORD_TRUNCATE,
  ROOT_INODE,
  setHeader,
} from '@vexfs/shared';

/**
 * Walks everything that an open volume reaches from its root and from its orphans and lists what contradicts it: claims
 * of blocks against bitmaps, counts of blocks, inodes, directories and links, hidden inodes, orphans, row logs. It reads
 * the state in memory, so it can run between any two operations. Changes nothing.
 */
export function problemsOf(volume: Volume): string[] {
  const check = new Check(volume);
  check.run();
  return check.problems;
}

/** Throws an Error that lists the problems, if there are any. */
export function assertSound(volume: Volume, when: string): void {
  const problems = problemsOf(volume);
  if (problems.length > 0) {
    throw new Error(`${when}: the volume is not sound:\n  ${problems.slice(0, 20).join('\n  ')}`);
  }
}

class Check {
  readonly problems: string[] = [];
  private readonly volume: Volume;
  /** Who claims each block; 0 for nobody, else an inode's number, -1 for fixed metadata. */
  private readonly claims: Int32Array;
  private readonly names = new Map<number, number>();
  private readonly seen = new Set<number>();
  private readonly directories: Uint32Array;
  private readonly orphans = new Set<number>();

  constructor(volume: Volume) {
    this.volume = volume;
    this.claims = new Int32Array(volume.geometry.totalBlocks);
    this.directories = new Uint32Array(volume.geometry.groupCount);
  }

  run(): void {
    const { geometry } = this.volume;
    for (let group = 0; group < geometry.groupCount; group++) {
      this.claim(geometry.groupStart(group), geometry.metadataBlocks(group), -1);
    }
    this.claim(geometry.journalStart, geometry.journalBlocks, -1);
    this.orphanList();
    this.tree(this.volume.inodes.get(ROOT_INODE));
    for (const number of this.orphans) {
      const inode = this.volume.inodes.get(number);
      if (inode.links > 0) {
        if (!this.seen.has(number)) this.problems.push(`the orphan ${number} has links and no name`);
      } else if (this.seen.has(number)) {
        this.problems.push(`the orphan ${number} has a name and no links`);
      } else {
        this.one(inode);
      }
    }
    for (const [number, count] of this.names) {
      const { links } = this.volume.inodes.get(number);
      if (links !== count) this.problems.push(`inode ${number} has ${count} names and ${links} links`);
    }
    this.counts();
  }

  private orphanList(): void {
    let number = this.volume.superblock.orphanHead;
    while (number !== 0) {
      if (this.orphans.has(number)) {
        this.problems.push('the orphan list runs in a circle');
        return;
      }
      this.orphans.add(number);
      const inode = this.volume.inodes.get(number);
      if (inode.isHidden) this.problems.push(`the hidden inode ${number} is an orphan`);
      number = inode.orphanNext;
    }
  }

  private claim(start: number, length: number, owner: number): number {
    for (let block = start; block < start + length; block++) {
      if (this.claims[block] !== 0) {
        this.problems.push(`block ${block} is claimed by ${this.claims[block]} and by ${owner}`);
      }
      this.claims[block] = owner;
    }
    return length;
  }

  private tree(root: Inode): void {
    const pending = [root];
    for (let dir = pending.pop(); dir !== undefined; dir = pending.pop()) {
      const folders = this.directory(dir, pending);
      if (dir.links !== folders + 2) {
        this.problems.push(`directory ${dir.number} has ${dir.links} links, not ${folders + 2}`);
      }
    }
  }

  /** Checks a directory and returns how many directories lie in it; those are added to `pending`. */
  private directory(dir: Inode, pending: Inode[]): number {
    let folders = 0;
    let entries = 0;
    let blocks = this.begin(dir);
    directory.walk(this.volume, dir, {
      block: (number) => {
        blocks += this.claim(number, 1, dir.number);
        return true;
      },
      entry: (name, number, type) => {
        entries += 1;
        const text = `'${Buffer.from(name)}' in ${dir.number}`;
        const inode = this.volume.inodes.get(number);
        if (inode.mode >> 12 !== type) this.problems.push(`${text} names another type`);
        if (inode.isHidden) this.problems.push(`${text} names a hidden inode`);
        if (inode.isDirectory) {
          folders += 1;
          if (inode.parent !== dir.number)
            this.problems.push(`directory ${number} has the parent ${inode.parent}`);
          if (this.names.has(number)) this.problems.push(`directory ${number} has two names`);
          pending.push(inode);
        } else {
          this.names.set(number, (this.names.get(number) ?? 0) + 1);
          if (!this.seen.has(number)) this.one(inode);
        }
      },
      damage: (error) => this.problems.push(error.message),
    });
    if (entries !== directory.entryCount(dir))
      this.problems.push(`directory ${dir.number} miscounts its names`);
    this.blocksAgree(dir, blocks);
    return folders;
  }

  /** Notes an inode as seen; returns the blocks of its attributes. */
  private begin(inode: Inode): number {
    const { geometry, groups } = this.volume;
    const { number } = inode;
    this.seen.add(number);
    const group = geometry.groupOfInode(number);
    if (inode.isDirectory) this.directories[group]! += 1;
    if (number !== ROOT_INODE && number < FIRST_INODE) this.problems.push(`inode ${number} is reserved`);
    if (geometry.indexOfInode(number) >= groups.initialisedInodes[group]!) {
      this.problems.push(`inode ${number} lies in a table block that is not initialised`);
    }
    if (inode.orphanNext !== 0 && !this.orphans.has(number)) {
      this.problems.push(`inode ${number} names a next orphan and is none`);
    }
    if (!inode.isDirectory && !inode.isHidden && inode.parent !== 0) {
      this.problems.push(`inode ${number} names a parent`);
    }
    if (inode.xattrBlock === 0) return 0;
    if (xattr.list(this.volume, inode).length === 0)
      this.problems.push(`inode ${number} has an empty attribute block`);
    return this.claim(inode.xattrBlock, 1, number);
  }

  /** A file, or an orphan of any type. */
  private one(inode: Inode): void {
    if (inode.isDirectory) {
      this.directory(inode, []);
      return;
    }
    let blocks = this.begin(inode);
    if (holdsExtents(inode)) blocks += this.extents(inode);
    this.blocksAgree(inode, blocks);
    if (inode.vectorSet !== 0) this.vectors(inode);
  }

  private extents(inode: Inode): number {
    let blocks = 0;
    let next = 0;
    const end = Math.ceil(inode.size / this.volume.geometry.blockSize);
    const tree = extentsOf(this.volume, inode);
    const mayPass = this.orphans.has(inode.number);
    for (const run of tree.all()) {
      if (run.logical < next) this.problems.push(`inode ${inode.number} maps block ${run.logical} twice`);
      next = run.logical + run.length;
      blocks += this.claim(run.physical, run.length, inode.number);
      const found = tree.find(run.logical, 1);
      if (found.physical !== run.physical) {
        this.problems.push(`inode ${inode.number}: block ${run.logical} is in the tree and is not found`);
      }
      if (next > end && !run.unwritten && !mayPass) {
        this.problems.push(`inode ${inode.number} has blocks past its end at ${run.logical}`);
      }
    }
    tree.treeBlocks((block) => {
      blocks += this.claim(block, 1, inode.number);
    });
    return blocks;
  }

  private blocksAgree(inode: Inode, blocks: number): void {
    if (inode.blocks !== blocks) {
      this.problems.push(`inode ${inode.number} counts ${inode.blocks} blocks and has ${blocks}`);
    }
  }

  private hidden(number: number, owner: Inode): Inode {
    const inode = this.volume.inodes.get(number);
    if (this.seen.has(number)) this.problems.push(`the hidden inode ${number} has two owners`);
    if (!inode.isHidden || inode.links !== 1 || inode.parent !== owner.number) {
      this.problems.push(`inode ${number} is no hidden inode of ${owner.number}`);
    }
    this.seen.add(number);
    this.blocksAgree(inode, this.extents(inode));
    return inode;
  }

  private vectors(owner: Inode): void {
    const set = VectorSet.open(this.volume, owner);
    this.hidden(owner.vectorSet, owner);
    const { physical } = extentsOf(this.volume, set.inode).find(0, 1);
    const header = this.volume.store.getOwned(physical, 'set', owner.number).view;
    const log = setHeader.log_inode.get(header, 0);
    const graph = setHeader.graph_inode.get(header, 0);
    if (log !== 0) this.log(this.hidden(log, owner), set, owner);
    if (graph !== 0) this.hidden(graph, owner);
    // An owner that is being deleted may have lost part of its log already.
    if (owner.links === 0) return;
    const rows = new Map<number, bigint>();
    set.replay((type, slot, low, high, count) => applyRecord(rows, type, slot, low, high, count));
    for (const [slot, id] of rows) {
      if (id >= set.nextId) this.problems.push(`inode ${owner.number} has the id ${id} past its mark`);
      if (slot >= set.slots)
        this.problems.push(`inode ${owner.number} has a row in slot ${slot} of ${set.slots}`);
    }
    if (rows.size !== set.liveRows) {
      this.problems.push(`inode ${owner.number} counts ${set.liveRows} rows, its log has ${rows.size}`);
    }
    if (new Set(rows.values()).size !== rows.size)
      this.problems.push(`inode ${owner.number} has an id twice`);
    if (set.slots !== slotsIn(set.layout, owner.size)) {
      this.problems.push(`inode ${owner.number} has ${set.slots} slots, its size says otherwise`);
    }
  }

  private log(log: Inode, set: VectorSet, owner: Inode): void {
    const { blockSize } = this.volume.geometry;
    if (log.size !== set.logBlocks * blockSize)
      this.problems.push(`the log of ${owner.number} has a wrong size`);
    if (owner.links === 0) return;
    const bytes = new Uint8Array(blockSize);
    const view = new DataView(bytes.buffer);
    for (let index = 0; index < set.logBlocks; index++) {
      const { physical } = extentsOf(this.volume, log).find(index, 1);
      if (physical === 0) {
        this.problems.push(`the log of ${owner.number} has no block ${index}`);
        continue;
      }
      this.volume.device.read(physical * blockSize, bytes);
      if (logHeader.magic.get(view, 0) !== LOG_MAGIC || logHeader.index.get(view, 0) !== index) {
        this.problems.push(`block ${index} of the log of ${owner.number} is none`);
      }
    }
  }

  private counts(): void {
    const { geometry, groups, superblock } = this.volume;
    let free = 0;
    let freeInodes = 0;
    for (let group = 0; group < geometry.groupCount; group++) {
      free += this.groupBlocks(group);
      freeInodes += geometry.inodesPerGroup - this.groupInodes(group);
      if (groups.usedDirectories[group] !== this.directories[group]) {
        this.problems.push(
          `group ${group} counts ${groups.usedDirectories[group]} directories and has ${this.directories[group]}`,
        );
      }
      if (groups.initialisedInodes[group]! % geometry.inodesPerBlock !== 0) {
        this.problems.push(`group ${group} has half a table block initialised`);
      }
    }
    if (free !== superblock.freeBlocks) {
      this.problems.push(`the superblock counts ${superblock.freeBlocks} free blocks, there are ${free}`);
    }
    if (freeInodes !== superblock.freeInodes) {
      this.problems.push(
        `the superblock counts ${superblock.freeInodes} free inodes, there are ${freeInodes}`,
      );
    }
  }

  /** Compares a group's block bitmap with the claims; returns its free blocks. */
  private groupBlocks(group: number): number {
    const { geometry, groups } = this.volume;
    const start = geometry.groupStart(group);
    const bitmap = groups.blocksUninitialised(group) ? undefined : groups.blockBitmap(group).bytes;
    let free = 0;
    for (let i = 0; i < geometry.groupBlocks(group); i++) {
      const used = bitmap === undefined ? i < geometry.metadataBlocks(group) : isSet(bitmap, i);
      const claimed = this.claims[start + i] !== 0;
      if (used && !claimed) this.problems.push(`block ${start + i} is marked used and belongs to nobody`);
      if (!used && claimed) {
        this.problems.push(`block ${start + i} is marked free and belongs to ${this.claims[start + i]}`);
      }
      if (!used) free += 1;
    }
    for (let i = geometry.groupBlocks(group); bitmap !== undefined && i < geometry.blocksPerGroup; i++) {
      if (!isSet(bitmap, i)) this.problems.push(`group ${group} marks block ${i} past its end free`);
    }
    if (free !== groups.freeBlocks[group]) {
      this.problems.push(`group ${group} counts ${groups.freeBlocks[group]} free blocks and has ${free}`);
    }
    return free;
  }

  /** Compares a group's inode bitmap with the inodes seen; returns its used inodes. */
  private groupInodes(group: number): number {
    const { geometry, groups } = this.volume;
    const bitmap = groups.inodesUninitialised(group) ? undefined : groups.inodeBitmap(group).bytes;
    let used = 0;
    for (let i = 0; i < geometry.inodesPerGroup; i++) {
      const number = group * geometry.inodesPerGroup + i + 1;
      const marked = bitmap !== undefined && isSet(bitmap, i);
      const known = this.seen.has(number) || number < FIRST_INODE;
      if (marked && !known) this.problems.push(`inode ${number} is marked used and nobody names it`);
      if (!marked && known) this.problems.push(`inode ${number} is in use and marked free`);
      if (marked) used += 1;
    }
    for (let i = geometry.inodesPerGroup; bitmap !== undefined && i < geometry.blockSize * 8; i++) {
      if (!isSet(bitmap, i)) this.problems.push(`group ${group} marks inode ${i} past its end free`);
    }
    if (geometry.inodesPerGroup - used !== groups.freeInodes[group]) {
      this.problems.push(`group ${group} counts ${groups.freeInodes[group]} free inodes`);
    }
    return used;
  }
}

/** What a record of the row log does to the rows: slot -> id. */
export function applyRecord(
  rows: Map<number, bigint>,
  type: number,
  slot: number,
  low: number,
  high: number,
  count: number,
): void {
  if (type === RECORD_TRUNCATE) {
    for (const one of [...rows.keys()]) if (one >= slot) rows.delete(one);
    return;
  }
  const first = (BigInt(high) << 32n) | BigInt(low);
  for (let i = 0; i < count; i++) {
    rows.delete(slot + i);
    if (type !== RECORD_DELETE) rows.set(slot + i, first + BigInt(i));
  }
}

function isSet(bitmap: Uint8Array, bit: number): boolean {
  return (bitmap[bit >> 3]! & (1 << (bit & 7))) !== 0;
}
