import {
  directory,
  type Inode,
  lookupName,
  readContent,
  VectorSet,
  type Volume,
  xattr,
} from '@vexfs/fuse/volume';
import { ROOT_INODE, XATTR_USER } from '@vexfs/shared';
import { applyRecord } from './check.js';

/** The rows of a file as the model keeps them: slot -> id. */
export interface Rows {
  readonly live: ReadonlyMap<number, bigint>;
  readonly nextId: bigint;
}

/** A file, directory or symlink. Nodes never change: an operation puts a new one in the place of the old. */
export interface Node {
  readonly number: number;
  readonly kind: 'file' | 'directory' | 'symlink';
  /** Of a file its bytes, of a symlink its target. */
  readonly content: Uint8Array;
  readonly entries: ReadonlyMap<string, number>;
  readonly xattrs: ReadonlyMap<string, Uint8Array>;
  readonly links: number;
  readonly parent: number;
  readonly rows: Rows | undefined;
}

const EMPTY = new Uint8Array(0);
const NONE = new Map<string, never>();

/** What a volume should hold: nodes by inode number. */
export class Model {
  readonly nodes: Map<number, Node>;

  constructor(nodes?: ReadonlyMap<number, Node>) {
    this.nodes = new Map(nodes);
    if (nodes === undefined) this.nodes.set(ROOT_INODE, blank(ROOT_INODE, 'directory', ROOT_INODE));
  }

  copy(): Model {
    return new Model(this.nodes);
  }

  get(number: number): Node {
    const node = this.nodes.get(number);
    if (node === undefined) throw new Error(`the model has no inode ${number}`);
    return node;
  }

  change(number: number, fields: Partial<Node>): void {
    this.nodes.set(number, { ...this.get(number), ...fields });
  }

  setEntry(directory: number, name: string, number: number | undefined): void {
    const entries = new Map(this.get(directory).entries);
    if (number === undefined) entries.delete(name);
    else entries.set(name, number);
    this.change(directory, { entries });
  }

  add(parent: number, name: string, number: number, kind: Node['kind'], content: Uint8Array = EMPTY): void {
    this.nodes.set(number, { ...blank(number, kind, kind === 'directory' ? parent : 0), content });
    this.setEntry(parent, name, number);
    if (kind === 'directory') this.change(parent, { links: this.get(parent).links + 1 });
  }

  /** Takes a name away, and the node with its last. Returns whether the node is gone. */
  drop(parent: number, name: string): boolean {
    const number = this.get(parent).entries.get(name)!;
    const node = this.get(number);
    this.setEntry(parent, name, undefined);
    if (node.kind === 'directory') this.change(parent, { links: this.get(parent).links - 1 });
    if (node.kind !== 'directory' && node.links > 1) {
      this.change(number, { links: node.links - 1 });
      return false;
    }
    this.nodes.delete(number);
    return true;
  }

  isBelow(number: number, ancestor: number): boolean {
    for (let at = number; ; at = this.get(at).parent) {
      if (at === ancestor) return true;
      if (at === ROOT_INODE) return false;
    }
  }
}

function blank(number: number, kind: Node['kind'], parent: number): Node {
  const links = kind === 'directory' ? 2 : 1;
  return { number, kind, content: EMPTY, entries: NONE, xattrs: NONE, links, parent, rows: undefined };
}

/** Whether the bytes that the volume has for a file may be there, given what the model says they should be. */
export type ContentRule = (node: Node, found: Uint8Array) => boolean;

export const exactly: ContentRule = (node, found) => Buffer.compare(node.content, found) === 0;

/** The first difference between a volume and a model, as a sentence; undefined when there is none. */
export function differenceOf(volume: Volume, model: Model, rule: ContentRule = exactly): string | undefined {
  const pending: Array<{ readonly inode: Inode; readonly node: Node; readonly path: string }> = [];
  const done = new Set<number>();
  pending.push({ inode: volume.inodes.get(ROOT_INODE), node: model.get(ROOT_INODE), path: '' });
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { inode, node, path } = next;
    if (inode.number !== node.number) return `${path}/ is inode ${inode.number}, not ${node.number}`;
    if (done.has(inode.number)) continue;
    done.add(inode.number);
    const different = nodeDifference(volume, inode, node, rule);
    if (different !== undefined) return `${path}/ (inode ${inode.number}): ${different}`;
    if (node.kind !== 'directory') continue;
    for (const [name, number] of node.entries) {
      const found = lookupName(volume, inode, Buffer.from(name));
      if (found === undefined) return `${path}/${name} is missing`;
      pending.push({ inode: found, node: model.get(number), path: `${path}/${name}` });
    }
  }
  return undefined;
}

function nodeDifference(volume: Volume, inode: Inode, node: Node, rule: ContentRule): string | undefined {
  const kind = inode.isDirectory ? 'directory' : inode.isRegular ? 'file' : 'symlink';
  if (kind !== node.kind) return `a ${kind}, not a ${node.kind}`;
  if (inode.links !== node.links) return `${inode.links} links, not ${node.links}`;
  if (kind === 'directory' && directory.entryCount(inode) !== node.entries.size) {
    return `${directory.entryCount(inode)} names, not ${node.entries.size}`;
  }
  const values = new Map<string, Uint8Array>();
  xattr.each(volume, inode, ({ space, name }, value) => {
    values.set(`${space}.${Buffer.from(name)}`, value.slice());
  });
  if (values.size !== node.xattrs.size) return `${values.size} attributes, not ${node.xattrs.size}`;
  for (const [name, value] of node.xattrs) {
    const found = values.get(`${XATTR_USER}.${name}`);
    if (found === undefined || Buffer.compare(found, value) !== 0) return `another attribute ${name}`;
  }
  if (kind === 'directory') return undefined;
  if (inode.size !== node.content.length) return `a size of ${inode.size}, not ${node.content.length}`;
  const found = contentOf(volume, inode);
  if (!rule(node, found)) return `other bytes, the first at ${firstDifference(node.content, found)}`;
  return rowsDifference(volume, inode, node);
}

function contentOf(volume: Volume, inode: Inode): Uint8Array {
  const bytes = new Uint8Array(inode.size);
  if (!inode.isRegular && inode.size <= inode.root.length) bytes.set(inode.root.subarray(0, inode.size));
  else readContent(volume, inode, 0, bytes);
  return bytes;
}

function firstDifference(a: Uint8Array, b: Uint8Array): number {
  let at = 0;
  while (at < a.length && a[at] === b[at]) at += 1;
  return at;
}

function rowsDifference(volume: Volume, inode: Inode, node: Node): string | undefined {
  if (node.rows === undefined) return inode.vectorSet === 0 ? undefined : 'a vector set';
  if (inode.vectorSet === 0) return 'no vector set';
  const set = VectorSet.open(volume, inode);
  const rows = new Map<number, bigint>();
  set.replay((type, slot, low, high, count) => applyRecord(rows, type, slot, low, high, count));
  if (set.nextId !== node.rows.nextId) return `the mark ${set.nextId}, not ${node.rows.nextId}`;
  if (rows.size !== node.rows.live.size) return `${rows.size} rows, not ${node.rows.live.size}`;
  for (const [slot, id] of node.rows.live) {
    if (rows.get(slot) !== id) return `the id ${rows.get(slot)} in slot ${slot}, not ${id}`;
  }
  return undefined;
}
