import { constants } from 'node:os';
import {
  blocksToWrite,
  FsError,
  type Inode,
  slotsIn,
  truncateContent,
  VectorSet,
  writeContent,
} from '@vexfs/fuse/volume';
import { FOUR_FLOATS } from '../../fixtures/row_layout.js';
import type { Node } from './model.js';
import type { Workload } from './workload.js';

const { ENOSPC } = constants.errno;
/** Bytes of a row of four float32. */
const STRIDE = 16;

/** Operations on files with a vector set. */
export class RowWork {
  private readonly work: Workload;

  constructor(work: Workload) {
    this.work = work;
  }

  step(kind: number): void {
    const sets = this.work.nodes('file', ({ rows }) => rows !== undefined);
    if (sets.length === 0 || (kind === 83 && sets.length < 4)) this.makeSet();
    else if (kind < 92) this.insert(this.work.random.of(sets));
    else if (kind < 96) this.deleteRows(this.work.random.of(sets));
    else if (kind < 98) this.cutRows(this.work.random.of(sets));
    else this.compact(this.work.random.of(sets));
  }

  private makeSet(): void {
    const files = this.work.nodes(
      'file',
      ({ rows, content }) => rows === undefined && content.length < STRIDE,
    );
    if (files.length === 0) return;
    const node = this.work.random.of(files);
    const done = this.work.try(`make a set of ${node.number}`, 0, () => {
      const set = VectorSet.create(this.work.volume, this.work.inode(node.number));
      set.layout = FOUR_FLOATS;
    });
    if (done) this.work.model.change(node.number, { rows: { live: new Map(), nextId: 0n } });
  }

  private insert(node: Node): void {
    const rows = node.rows!;
    const slots = Math.floor(node.content.length / STRIDE);
    const free: number[] = [];
    for (let slot = 0; slot < slots && free.length < 8; slot++) if (!rows.live.has(slot)) free.push(slot);
    const count = 1 + this.work.random.below(30);
    const where = this.work.random.chance(30) ? free : [];
    for (let i = 0; where.length < count; i++) where.push(slots + i);
    const firstId = rows.nextId + BigInt(this.work.random.below(3));
    const end = Math.max(node.content.length, (Math.max(...where) + 1) * STRIDE);
    if (end > this.work.choices.mostBytes) return;
    const data = where.map(() => this.work.random.bytes(STRIDE));
    const fromStep = this.work.target.device.steps.length;
    const content = new Uint8Array(end);
    content.set(node.content);
    const live = new Map(rows.live);
    where.forEach((slot, i) => {
      content.set(data[i]!, slot * STRIDE);
      live.set(slot, firstId + BigInt(i));
    });
    this.work.version(node.number, content, fromStep);
    const done = this.work.try(`insert ${where.length} rows into ${node.number}`, 0, () => {
      const inode = this.work.inode(node.number);
      const set = VectorSet.open(this.work.volume, inode);
      let blocks = set.blocksFor(where.length);
      blocks += blocksToWrite(this.work.volume, inode, slots * STRIDE, Math.max(0, end - slots * STRIDE));
      this.work.volume.requireBlocks(blocks);
      try {
        set.atomically(() => this.putRows(set, where, data, firstId));
      } catch (error) {
        truncateContent(this.work.volume, inode, node.content.length);
        throw error;
      }
    });
    this.work.forgetRefused(node.number, done);
    if (!done) return;
    const nextId = firstId + BigInt(where.length);
    this.work.model.change(node.number, { content, rows: { live, nextId } });
  }

  private putRows(
    set: VectorSet,
    where: readonly number[],
    data: readonly Uint8Array[],
    firstId: bigint,
  ): void {
    where.forEach((slot, i) => {
      const written = writeContent(this.work.volume, set.owner, slot * STRIDE, data[i]!);
      if (written !== STRIDE)
        throw new Error(`${written} bytes of a row are written though blocks were required`);
      const id = firstId + BigInt(i);
      set.appendPut(slot, Number(id & 0xffffffffn), Number(id >> 32n), 1);
    });
    set.slots = slotsIn(set.layout, set.owner.size);
    set.liveRows += where.length;
    set.nextId = firstId + BigInt(where.length);
  }

  private deleteRows(node: Node): void {
    const rows = node.rows!;
    const slots = Math.floor(node.content.length / STRIDE);
    if (slots === 0) return;
    const first = this.work.random.below(slots);
    const live = new Map(rows.live);
    let count = 0;
    while (live.has(first + count) && count < 10) {
      live.delete(first + count);
      count += 1;
    }
    if (count === 0) return;
    const done = this.work.try(`delete ${count} rows of ${node.number}`, 0, () => {
      const set = VectorSet.open(this.work.volume, this.work.inode(node.number));
      this.work.volume.requireBlocks(set.blocksFor(1));
      set.atomically(() => {
        set.appendDelete(first, count);
        set.liveRows -= count;
      });
    });
    if (done) this.work.model.change(node.number, { rows: { live, nextId: rows.nextId } });
  }

  /** Truncation of a file with rows. */
  private cutRows(node: Node): void {
    const rows = node.rows!;
    const to = this.work.random.below(node.content.length + 1);
    const left = Math.floor(to / STRIDE);
    const live = new Map([...rows.live].filter(([slot]) => slot < left));
    const cut = (inode: Inode): void => {
      const set = VectorSet.open(this.work.volume, inode);
      if (set.slots > left) {
        this.work.volume.requireBlocks(set.blocksFor(1));
        set.appendTruncate(left);
        set.slots = left;
        set.liveRows = live.size;
      }
      truncateContent(this.work.volume, inode, to);
    };
    const nextId = rows.nextId;
    this.work.resize(node, node.content.slice(0, to), cut, { rows: { live, nextId } });
  }

  private compact(node: Node): void {
    const { live } = node.rows!;
    this.work.try(`compact the log of ${node.number}`, 0, () => {
      const set = VectorSet.open(this.work.volume, this.work.inode(node.number));
      if (set.blocksFor(live.size) > this.work.volume.blocks.available) throw new FsError(ENOSPC);
      const left = set.compact((emit) => {
        for (const [slot, id] of [...live].sort(([a], [b]) => a - b)) {
          emit(slot, Number(id & 0xffffffffn), Number(id >> 32n), 1);
        }
      });
      this.work.doom({ inode: left });
    });
  }
}
