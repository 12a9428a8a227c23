import { constants } from 'node:os';
import {
  createInode,
  deleteInode,
  type Inode,
  linkName,
  RENAME_EXCHANGE,
  removeDirectory,
  renameName,
  type Unlinked,
  unlinkName,
  type Volume,
  writeContent,
  xattr,
} from '@vexfs/fuse/volume';
import { ROOT_INODE, XATTR_USER } from '@vexfs/shared';
import { FileWork } from './file_work.js';
import { Model, type Node } from './model.js';
import { RowWork } from './row_work.js';
import type { Seeded } from './seeded.js';
import type { TestVolume } from './test_volume.js';

const { EINVAL, ENOSPC, ENOTEMPTY } = constants.errno;
const NOW = { seconds: 1_700_000_000, nanoseconds: 5 };
const REGULAR = 0o100644;
const DIRECTORY = 0o040755;
const SYMLINK = 0o120777;

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
  readonly target: TestVolume;
  readonly random: Seeded;
  readonly choices: WorkloadChoices;
  private readonly files: FileWork;
  private readonly sets: RowWork;
  private doomed: number[] = [];

  constructor(target: TestVolume, random: Seeded, choices: WorkloadChoices) {
    this.target = target;
    this.random = random;
    this.choices = choices;
    this.files = new FileWork(this);
    this.sets = new RowWork(this);
  }

  get volume(): Volume {
    return this.target.volume;
  }

  inode(number: number): Inode {
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
    else if (kind < 65) this.files.write();
    else if (kind < 69) this.files.allocate();
    else if (kind < 77) this.files.truncate();
    else if (kind < 83) this.attribute();
    else this.sets.step(kind);
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

  nodes(kind: Node['kind'] | 'any', filter: (node: Node) => boolean = () => true): Node[] {
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
  try(what: string, expected: number, operation: () => void): boolean {
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
  version(number: number, content: Uint8Array, fromStep: number): void {
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

  doom({ inode }: Unlinked): void {
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

  /** A change of the size that may take several transactions; the first of them has all that can be seen of it. */
  resize(node: Node, content: Uint8Array, operation: (inode: Inode) => void, fields: Partial<Node>): void {
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

  /** A write that found no space wrote nothing; of one that the device failed any part may be there. */
  forgetRefused(number: number, done: boolean): void {
    if (!done) this.versions.get(number)!.pop();
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
