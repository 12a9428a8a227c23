import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import {
  directory,
  type Inode,
  indexOf,
  lookupName,
  readContent,
  strideOf,
  VectorSet,
  type Volume,
  xattr,
} from '@vexfs/fuse/volume';
import { ROOT_INODE, XATTR_USER } from '@vexfs/shared';
import { getXattr, listXattr } from '../../parity/operations/calls.js';
import { applyRecord } from '../../unit/volume/check.js';
import { indexAt, indexName } from './index_operations.js';
import { DIMENSIONS, foundRows, holdsVectors, ROW_BYTES } from './rows.js';
import type { TreeNode } from './tree.js';

/** What lies at a path of a folder. Two paths of one number are links of one file. */
export interface Found extends TreeNode {
  readonly number: number;
  readonly links: number;
}

export type FoundTree = ReadonlyMap<string, Found>;

/** S_IFMT and its values, as stat(2) has them. */
const FORMAT = 0o170000;
const KINDS = new Map<number, TreeNode['kind']>([
  [0o040000, 'folder'],
  [0o100000, 'file'],
  [0o120000, 'symlink'],
  [0o010000, 'fifo'],
]);

function kindOf(mode: number): TreeNode['kind'] {
  const kind = KINDS.get(mode & FORMAT);
  if (kind === undefined) throw new Error(`a file of the mode ${mode.toString(8)}`);
  return kind;
}

/** Everything below a folder of the root directory, through the reader of the format; undefined when there is none. */
export function readVolume(volume: Volume, folder: string): FoundTree | undefined {
  const top = lookupName(volume, volume.inodes.get(ROOT_INODE), Buffer.from(folder));
  if (top === undefined) return undefined;
  const found = new Map<string, Found>();
  const visit = (dir: Inode, prefix: string): void => {
    directory.walk(volume, dir, {
      block: () => true,
      entry: (bytes, number) => {
        const path = prefix + Buffer.from(bytes).toString();
        const inode = volume.inodes.get(number);
        found.set(path, readInode(volume, inode));
        if (inode.isDirectory) visit(inode, `${path}/`);
      },
      damage: (error) => {
        throw error;
      },
    });
  };
  visit(top, '');
  return found;
}

function readInode(volume: Volume, inode: Inode): Found {
  const format = kindOf(inode.mode);
  const kind = inode.vectorSet === 0 ? format : 'vectors';
  const xattrs = new Map<string, string>();
  xattr.each(volume, inode, ({ space, name }, value) => {
    xattrs.set(
      `${space === XATTR_USER ? 'user' : space}.${Buffer.from(name)}`,
      Buffer.from(value).toString(),
    );
  });
  return {
    kind,
    number: inode.number,
    content: kind === 'file' || kind === 'symlink' ? contentOf(volume, inode) : Buffer.alloc(0),
    mode: inode.mode & 0o7777,
    mtime: inode.mtime.seconds,
    links: inode.links,
    xattrs,
    rows: kind === 'vectors' ? rowsOf(volume, inode) : new Map(),
    index: kind === 'vectors' ? indexIn(volume, inode) : '',
  };
}

function contentOf(volume: Volume, inode: Inode): Buffer {
  const bytes = Buffer.alloc(inode.size);
  if (!inode.isRegular && inode.size <= inode.root.length) bytes.set(inode.root.subarray(0, inode.size));
  else readContent(volume, inode, 0, bytes);
  return bytes;
}

function indexIn(volume: Volume, inode: Inode): string {
  const index = indexOf(VectorSet.open(volume, inode));
  return index === undefined ? '' : indexName(index.type, index.metric);
}

/** Ids and the number that each row consists of; NaN for a row whose elements differ. */
function rowsOf(volume: Volume, inode: Inode): Map<number, number> {
  const set = VectorSet.open(volume, inode);
  const slots = new Map<number, bigint>();
  set.replay((type, slot, low, high, count) => applyRecord(slots, type, slot, low, high, count));
  const stride = strideOf(set.layout);
  const row = new Float32Array(DIMENSIONS);
  const rows = new Map<number, number>();
  for (const [slot, id] of slots) {
    const got = readContent(volume, inode, slot * stride, new Uint8Array(row.buffer));
    const isWhole = got === ROW_BYTES && row.every((element) => element === row[0]);
    rows.set(Number(id), isWhole ? row[0]! : Number.NaN);
  }
  return rows;
}

/** The same through a mount, by system calls; rows as a search finds them. */
export function readMount(folder: string): FoundTree {
  const found = new Map<string, Found>();
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const path = join(folder, name);
    const status = lstatSync(path);
    const format = kindOf(status.mode);
    const isVectors = format === 'file' && holdsVectors(path);
    const content =
      format === 'symlink'
        ? Buffer.from(readlinkSync(path))
        : format === 'file'
          ? readFileSync(path)
          : undefined;
    const names = format === 'file' || format === 'folder' ? listXattr(path) : [];
    if (typeof names === 'string') throw new Error(`listxattr ${name}: ${names}`);
    found.set(name, {
      kind: isVectors ? 'vectors' : format,
      number: status.ino,
      content: content === undefined || isVectors ? Buffer.alloc(0) : content,
      mode: status.mode & 0o7777,
      mtime: Math.floor(status.mtimeMs / 1000),
      links: status.nlink,
      xattrs: new Map(names.map((one) => [one, getXattr(path, one).toString()])),
      rows: isVectors ? foundRows(path) : new Map(),
      index: isVectors ? indexAt(path) : '',
    });
  }
  return found;
}
