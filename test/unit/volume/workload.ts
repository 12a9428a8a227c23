import { constants } from 'node:os';
import {
  blocksToWrite,
  createInode,
  deleteInode,
  FsError,
  type Inode,
  linkName,
  RENAME_EXCHANGE,
  removeDirectory,
  renameName,
  slotsIn,
  truncateContent,
  type Unlinked,
  unlinkName,
  VectorSet,
  type Volume,
  writeContent,
  xattr,
} from '@vexfs/fuse/volume';
import { ROOT_INODE, XATTR_USER } from '@vexfs/shared';
import { Model, type Node } from './model.js';
import type { Seeded } from './seeded.js';
import type { TestVolume } from './test_volume.js';

const { EINVAL, ENOSPC, ENOTEMPTY } = constants.errno;
const NOW = { seconds: 1_700_000_000, nanoseconds: 5 };
const REGULAR = 0o100644;
const DIRECTORY = 0o040755;
const SYMLINK = 0o120777;
/** Bytes of a row of four float32. */
const STRIDE = 16;

export interface WorkloadChoices {
  /** Largest file, in bytes. */
  readonly mostBytes: number;
  readonly names?: number;
}

/** The content that a file had from one step of the device on. */
export interface Version {
  readonly fromStep: number;
  readonly operation: number;
  readonly content: Uint8Array;
}

/** Random operations on a volume, each done to a model as well. */
export class Workload {
  model = new Model();
  /** What the running operation makes of the model, when it may be committed before it ends. */
  underway: Model | undefined;
  /** Operations begun. */
  operations = 0;
  /** Operations that found no space. */
  refused = 0;
  readonly versions = new Map<number, Version[]>();
  /** The last operation, for messages. */
  last = '';
  private readonly target: TestVolume;
  private readonly random: Seeded;
  private readonly choices: WorkloadChoices;
  private doomed: number[] = [];

  constructor(target: TestVolume, random: Seeded, choices: WorkloadChoices) {
    this.target = target;
    this.random = random;
    this.choices = choices;
  }

  private get volume(): Volume {
    return this.target.volume;
  }

  private inode(number: number): Inode {
    return this.volume.inodes.get(number);
  }

  step(): void {
    this.operations += 1;
    const kind = this.random.below(100);
    if (kind < 14) this.create();
    else if (kind < 20) this.makeDirectory();
    else if (kind < 25) this.symlink();
    else if (kind < 34) this.unlink();
    else if (kind < 38) this.removeDirectory();
    else if (kind < 46) this.rename();
    else if (kind < 50) this.link();
    else if (kind < 68) this.write();
    else if (kind < 77) this.truncate();
    else if (kind < 83) this.attribute();
    else this.rows(kind);
    if (this.random.chance(70)) this.deleteDoomed();
  }

  /** After the volume was opened again: what had no name is gone. */
  forgetDoomed(): void {
    this.doomed = [];
  }

  deleteDoomed(): void {
    for (const number of this.doomed) {
      this.last = `delete inode ${number}`;
      let done = false;
      while (!done) {
        const inode = this.inode(number);
        done = this.target.run(() => deleteInode(this.volume, inode));
        if (!done) this.target.commit();
      }
    }
    this.doomed = [];
  }

  private nodes(kind: Node['kind'] | 'any', filter: (node: Node) => boolean = () => true): Node[] {
    return [...this.model.nodes.values()].filter(
      (node) => (kind === 'any' || node.kind === kind) && filter(node),
    );
  }

  private name(): string {
    const number = this.random.below(this.choices.names ?? 60);
    return number % 3 === 0 ? `n${number}` : `n${number}-${'x'.repeat((number * 7) % 200)}`;
  }

  private entry(): { readonly parent: Node; readonly name: string; readonly node: Node } | undefined {
    const parents = this.nodes('directory', ({ entries }) => entries.size > 0);
    if (parents.length === 0) return undefined;
    const parent = this.random.of(parents);
    const name = this.random.of([...parent.entries.keys()]);
    return { parent, name, node: this.model.get(parent.entries.get(name)!) };
  }

  /** Runs an operation whose errno, but for ENOSPC, is known; returns whether it was done. */
  private try(what: string, expected: number, operation: () => void): boolean {
    this.last = `operation ${this.operations}: ${what}`;
    const found = this.target.attempt(operation);
    if (found === ENOSPC && expected === 0) {
      this.refused += 1;
      return false;
    }
    if (found !== expected) throw new Error(`${this.last}: errno ${found}, not ${expected}`);
    return found === 0;
  }

  /** From a step of the device on a file may have this content. */
  private version(number: number, content: Uint8Array, fromStep: number): void {
    let list = this.versions.get(number);
    if (list === undefined) {
      list = [];
      this.versions.set(number, list);
    }
    list.push({ fromStep, operation: this.operations, content });
  }

  private make(kind: Node['kind'], mode: number, target?: Uint8Array): void {
    const parent = this.random.of(this.nodes('directory'));
    const name = this.name();
    if (parent.entries.has(name)) return;
    const fromStep = this.target.device.steps.length;
    let made: Inode | undefined;
    const attributes = { mode, uid: 1, gid: 2 };
    const done = this.try(`make ${kind} ${name} in ${parent.number}`, 0, () => {
      made = createInode(this.volume, this.inode(parent.number), Buffer.from(name), attributes, NOW, target);
    });
    if (!done || made === undefined) return;
    this.model.add(parent.number, name, made.number, kind, target);
    this.version(made.number, target ?? new Uint8Array(0), fromStep);
  }

  private create(): void {
    this.make('file', REGULAR);
  }

  private makeDirectory(): void {
    this.make('directory', DIRECTORY);
  }

  private symlink(): void {
    const length = this.random.chance(50) ? 1 + this.random.below(112) : 1 + this.random.below(4095);
    this.make('symlink', SYMLINK, this.random.bytes(length));
  }

  private doom({ inode }: Unlinked): void {
    if (inode !== undefined) this.doomed.push(inode.number);
  }

  private unlink(): void {
    const found = this.entry();
    if (found === undefined || found.node.kind === 'directory') return;
    const { parent, name } = found;
    const done = this.try(`unlink ${name} in ${parent.number}`, 0, () => {
      this.doom(unlinkName(this.volume, this.inode(parent.number), Buffer.from(name), NOW));
    });
    if (done) this.model.drop(parent.number, name);
  }

  private removeDirectory(): void {
    const found = this.entry();
    if (found === undefined || found.node.kind !== 'directory') return;
    const { parent, name, node } = found;
    const expected = node.entries.size > 0 ? ENOTEMPTY : 0;
    const done = this.try(`rmdir ${name} in ${parent.number}`, expected, () => {
      this.doom(removeDirectory(this.volume, this.inode(parent.number), Buffer.from(name), NOW));
    });
    if (done) this.model.drop(parent.number, name);
  }

  private rename(): void {
    const from = this.entry();
    if (from === undefined) return;
    const to = this.random.of(this.nodes('directory'));
    const taken = this.random.chance(60) && to.entries.size > 0;
    const newName = taken ? this.random.of([...to.entries.keys()]) : this.name();
    const targetNumber = to.entries.get(newName);
    const target = targetNumber === undefined ? undefined : this.model.get(targetNumber);
    const flags = target !== undefined && this.random.chance(40) ? RENAME_EXCHANGE : 0;
    const expected = this.renameErrno(from, to, target, flags);
    const what = `rename ${from.name} in ${from.parent.number} to ${newName} in ${to.number}, flags ${flags}`;
    const done = this.try(what, expected, () => {
      const dirs = [this.inode(from.parent.number), this.inode(to.number)] as const;
      const names = [Buffer.from(from.name), Buffer.from(newName)] as const;
      this.doom(renameName(this.volume, dirs[0], names[0], dirs[1], names[1], flags, NOW));
    });
    if (!done || target === from.node) return;
    if (flags === RENAME_EXCHANGE && target !== undefined) {
      this.move(from.node, from.parent.number, to.number, newName);
      this.move(target, to.number, from.parent.number, from.name);
      return;
    }
    if (target !== undefined) this.model.drop(to.number, newName);
    this.model.setEntry(from.parent.number, from.name, undefined);
    this.move(from.node, from.parent.number, to.number, newName);
  }

  private renameErrno(
    from: { readonly parent: Node; readonly node: Node },
    to: Node,
    target: Node | undefined,
    flags: number,
  ): number {
    const { EISDIR, ENOTDIR } = constants.errno;
    const moved = from.node;
    if (moved.kind === 'directory' && this.model.isBelow(to.number, moved.number)) return EINVAL;
    if (target === undefined) return 0;
    if (flags === RENAME_EXCHANGE) {
      const circle = target.kind === 'directory' && this.model.isBelow(from.parent.number, target.number);
      return circle ? EINVAL : 0;
    }
    if (target.number === moved.number) return 0;
    if ((target.kind === 'directory') !== (moved.kind === 'directory')) {
      return target.kind === 'directory' ? EISDIR : ENOTDIR;
    }
    return target.entries.size > 0 ? ENOTEMPTY : 0;
  }

  private move(node: Node, from: number, to: number, name: string): void {
    this.model.setEntry(to, name, node.number);
    if (node.kind !== 'directory' || from === to) return;
    this.model.change(node.number, { parent: to });
    this.model.change(from, { links: this.model.get(from).links - 1 });
    this.model.change(to, { links: this.model.get(to).links + 1 });
  }

  private link(): void {
    const found = this.entry();
    if (found === undefined || found.node.kind === 'directory') return;
    const to = this.random.of(this.nodes('directory'));
    const name = this.name();
    if (to.entries.has(name)) return;
    const { number } = found.node;
    const done = this.try(`link ${number} as ${name} in ${to.number}`, 0, () => {
      linkName(this.volume, this.inode(to.number), Buffer.from(name), this.inode(number), NOW);
    });
    if (!done) return;
    this.model.setEntry(to.number, name, number);
    this.model.change(number, { links: this.model.get(number).links + 1 });
  }

  private plainFile(): Node | undefined {
    const files = this.nodes('file', ({ rows }) => rows === undefined);
    return files.length === 0 ? undefined : this.random.of(files);
  }

  private write(): void {
    const node = this.plainFile();
    if (node === undefined) return;
    const { mostBytes } = this.choices;
    const size = node.content.length;
    const blockSize = this.volume.geometry.blockSize;
    const places = [size, this.random.below(size + 1), this.random.below(mostBytes), 0];
    let offset = this.random.of(places);
    if (this.random.chance(30)) offset -= offset % blockSize;
    const lengths = [1 + this.random.below(blockSize), 1 + this.random.below(mostBytes / 4), blockSize];
    const length = Math.min(this.random.of(lengths), mostBytes - offset);
    if (length <= 0) return;
    const data = this.random.bytes(length);
    const fromStep = this.target.device.steps.length;
    this.version(node.number, overlay(node.content, offset, data), fromStep);
    let written = 0;
    const done = this.try(`write ${length} bytes at ${offset} of ${node.number}`, 0, () => {
      written = writeContent(this.volume, this.inode(node.number), offset, data);
    });
    this.forgetRefused(node.number, done);
    if (!done) return;
    if (written < length) this.refused += 1;
    if (written < 1 || written > length) throw new Error(`${this.last}: ${written} bytes are written`);
    const content = overlay(node.content, offset, data.subarray(0, written));
    this.model.change(node.number, { content });
    this.version(node.number, content, fromStep);
  }

  /** A write that found no space wrote nothing; of one that the device failed any part may be there. */
  private forgetRefused(number: number, done: boolean): void {
    if (!done) this.versions.get(number)!.pop();
  }

  private truncate(): void {
    const node = this.plainFile();
    if (node === undefined) return;
    const size = node.content.length;
    const sizes = [0, this.random.below(size + 1), this.random.below(this.choices.mostBytes)];
    const to = this.random.of(sizes);
    const content = new Uint8Array(to);
    content.set(node.content.subarray(0, to));
    this.resize(node, content, (inode) => truncateContent(this.volume, inode, to), {});
  }

  /** A change of the size that may take several transactions; the first of them has all that can be seen of it. */
  private resize(
    node: Node,
    content: Uint8Array,
    operation: (inode: Inode) => void,
    fields: Partial<Node>,
  ): void {
    const fromStep = this.target.device.steps.length;
    const after = this.model.copy();
    after.change(node.number, { ...fields, content });
    this.underway = after;
    this.version(node.number, content, fromStep);
    const done = this.try(`truncate ${node.number} to ${content.length}`, 0, () => {
      operation(this.inode(node.number));
    });
    this.underway = undefined;
    this.forgetRefused(node.number, done);
    if (done) this.model = after;
  }

  private attribute(): void {
    const node = this.random.of(this.nodes('any'));
    const name = `k${this.random.below(4)}`;
    const key = { space: XATTR_USER, name: Buffer.from(name) };
    const xattrs = new Map(node.xattrs);
    if (node.xattrs.has(name) && this.random.chance(50)) {
      const done = this.try(`remove attribute ${name} of ${node.number}`, 0, () => {
        xattr.remove(this.volume, this.inode(node.number), key);
      });
      xattrs.delete(name);
      if (done) this.model.change(node.number, { xattrs });
      return;
    }
    const value = this.random.bytes(this.random.below(400));
    const done = this.try(`set attribute ${name} of ${node.number}`, 0, () => {
      xattr.set(this.volume, this.inode(node.number), key, value);
    });
    xattrs.set(name, value);
    if (done) this.model.change(node.number, { xattrs });
  }

  private rows(kind: number): void {
    const sets = this.nodes('file', ({ rows }) => rows !== undefined);
    if (sets.length === 0 || (kind === 83 && sets.length < 4)) this.makeSet();
    else if (kind < 92) this.insert(this.random.of(sets));
    else if (kind < 96) this.deleteRows(this.random.of(sets));
    else if (kind < 98) this.cutRows(this.random.of(sets));
    else this.compact(this.random.of(sets));
  }

  private makeSet(): void {
    const files = this.nodes('file', ({ rows, content }) => rows === undefined && content.length < STRIDE);
    if (files.length === 0) return;
    const node = this.random.of(files);
    const done = this.try(`make a set of ${node.number}`, 0, () => {
      const set = VectorSet.create(this.volume, this.inode(node.number));
      set.layout = {
        dimensions: 4,
        elementType: 1,
        storageFormat: 0,
        compressionType: 0,
        alignment: 0,
        dataOffset: 0,
      };
    });
    if (done) this.model.change(node.number, { rows: { live: new Map(), nextId: 0n } });
  }

  private insert(node: Node): void {
    const rows = node.rows!;
    const slots = Math.floor(node.content.length / STRIDE);
    const free: number[] = [];
    for (let slot = 0; slot < slots && free.length < 8; slot++) if (!rows.live.has(slot)) free.push(slot);
    const count = 1 + this.random.below(30);
    const where = this.random.chance(30) ? free : [];
    for (let i = 0; where.length < count; i++) where.push(slots + i);
    const firstId = rows.nextId + BigInt(this.random.below(3));
    const end = Math.max(node.content.length, (Math.max(...where) + 1) * STRIDE);
    if (end > this.choices.mostBytes) return;
    const data = where.map(() => this.random.bytes(STRIDE));
    const fromStep = this.target.device.steps.length;
    const content = new Uint8Array(end);
    content.set(node.content);
    const live = new Map(rows.live);
    where.forEach((slot, i) => {
      content.set(data[i]!, slot * STRIDE);
      live.set(slot, firstId + BigInt(i));
    });
    this.version(node.number, content, fromStep);
    const done = this.try(`insert ${where.length} rows into ${node.number}`, 0, () => {
      const inode = this.inode(node.number);
      const set = VectorSet.open(this.volume, inode);
      let blocks = set.blocksFor(where.length);
      blocks += blocksToWrite(this.volume, inode, slots * STRIDE, Math.max(0, end - slots * STRIDE));
      this.volume.requireBlocks(blocks);
      try {
        set.atomically(() => this.putRows(set, where, data, firstId));
      } catch (error) {
        truncateContent(this.volume, inode, node.content.length);
        throw error;
      }
    });
    this.forgetRefused(node.number, done);
    if (!done) return;
    const nextId = firstId + BigInt(where.length);
    this.model.change(node.number, { content, rows: { live, nextId } });
  }

  private putRows(
    set: VectorSet,
    where: readonly number[],
    data: readonly Uint8Array[],
    firstId: bigint,
  ): void {
    where.forEach((slot, i) => {
      const written = writeContent(this.volume, set.owner, slot * STRIDE, data[i]!);
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
    const first = this.random.below(slots);
    const live = new Map(rows.live);
    let count = 0;
    while (live.has(first + count) && count < 10) {
      live.delete(first + count);
      count += 1;
    }
    if (count === 0) return;
    const done = this.try(`delete ${count} rows of ${node.number}`, 0, () => {
      const set = VectorSet.open(this.volume, this.inode(node.number));
      this.volume.requireBlocks(set.blocksFor(1));
      set.atomically(() => {
        set.appendDelete(first, count);
        set.liveRows -= count;
      });
    });
    if (done) this.model.change(node.number, { rows: { live, nextId: rows.nextId } });
  }

  /** Truncation of a file with rows. */
  private cutRows(node: Node): void {
    const rows = node.rows!;
    const to = this.random.below(node.content.length + 1);
    const left = Math.floor(to / STRIDE);
    const live = new Map([...rows.live].filter(([slot]) => slot < left));
    const cut = (inode: Inode): void => {
      const set = VectorSet.open(this.volume, inode);
      if (set.slots > left) {
        this.volume.requireBlocks(set.blocksFor(1));
        set.appendTruncate(left);
        set.slots = left;
        set.liveRows = live.size;
      }
      truncateContent(this.volume, inode, to);
    };
    const nextId = rows.nextId;
    this.resize(node, node.content.slice(0, to), cut, { rows: { live, nextId } });
  }

  private compact(node: Node): void {
    const { live } = node.rows!;
    this.try(`compact the log of ${node.number}`, 0, () => {
      const set = VectorSet.open(this.volume, this.inode(node.number));
      if (set.blocksFor(live.size) > this.volume.blocks.available) throw new FsError(ENOSPC);
      const left = set.compact((emit) => {
        for (const [slot, id] of [...live].sort(([a], [b]) => a - b)) {
          emit(slot, Number(id & 0xffffffffn), Number(id >> 32n), 1);
        }
      });
      this.doom({ inode: left });
    });
  }

  /** Appends to the files until there is no space for another block of any. */
  fillUp(): void {
    for (const node of this.nodes('file', ({ rows }) => rows === undefined)) {
      for (;;) {
        const { content } = this.model.get(node.number);
        const fromStep = this.target.device.steps.length;
        const data = this.random.bytes(this.volume.geometry.blockSize);
        let written = 0;
        const done = this.try(`fill ${node.number}`, 0, () => {
          written = writeContent(this.volume, this.inode(node.number), content.length, data);
        });
        if (!done) break;
        const longer = new Uint8Array(content.length + written);
        longer.set(content);
        longer.set(data.subarray(0, written), content.length);
        this.model.change(node.number, { content: longer });
        this.version(node.number, longer, fromStep);
      }
    }
  }

  /** Takes away everything that has a name, and deletes it. */
  removeAll(): void {
    while (this.model.get(ROOT_INODE).entries.size > 0) {
      for (const parent of this.nodes('directory')) {
        for (const [name, number] of parent.entries) this.removeName(parent.number, name, number);
        this.deleteDoomed();
      }
    }
    const root = this.inode(ROOT_INODE);
    this.target.run(() => xattr.freeAll(this.volume, root));
    this.model.change(ROOT_INODE, { xattrs: new Map() });
  }

  private removeName(parent: number, name: string, number: number): void {
    const node = this.model.get(number);
    if (node.kind === 'directory' && node.entries.size > 0) return;
    const remove = node.kind === 'directory' ? removeDirectory : unlinkName;
    const done = this.try(`remove ${name} in ${parent}`, 0, () => {
      this.doom(remove(this.volume, this.inode(parent), Buffer.from(name), NOW));
    });
    if (!done) throw new Error(`${this.last} found no space`);
    this.model.drop(parent, name);
  }
}

function overlay(content: Uint8Array, offset: number, data: Uint8Array): Uint8Array {
  const whole = new Uint8Array(Math.max(content.length, offset + data.length));
  whole.set(content);
  whole.set(data, offset);
  return whole;
}
