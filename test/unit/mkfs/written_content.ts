/**
 * A second reading of files, directories and row logs by the numbers of docs/format.md alone; nothing of the product is
 * used here. Nodes are checked by their magic, owner and sum as they are read.
 */
import {
  little64,
  type ReadBytes,
  readGroupByHand,
  readSuperblockByHand,
  slowCrc,
  type WrittenSuperblock,
} from './written_format.js';

const MASK = (1n << 64n) - 1n;

/** SipHash-2-4 in 64-bit arithmetic, after the paper's description. */
export function siphash(key: Uint8Array, data: Uint8Array): bigint {
  const keys = new DataView(key.buffer, key.byteOffset, 16);
  const k0 = keys.getBigUint64(0, true);
  const k1 = keys.getBigUint64(8, true);
  let v0 = k0 ^ 0x736f6d6570736575n;
  let v1 = k1 ^ 0x646f72616e646f6dn;
  let v2 = k0 ^ 0x6c7967656e657261n;
  let v3 = k1 ^ 0x7465646279746573n;
  const rotate = (x: bigint, by: bigint): bigint => ((x << by) | (x >> (64n - by))) & MASK;
  const round = (): void => {
    v0 = (v0 + v1) & MASK;
    v1 = rotate(v1, 13n) ^ v0;
    v0 = rotate(v0, 32n);
    v2 = (v2 + v3) & MASK;
    v3 = rotate(v3, 16n) ^ v2;
    v0 = (v0 + v3) & MASK;
    v3 = rotate(v3, 21n) ^ v0;
    v2 = (v2 + v1) & MASK;
    v1 = rotate(v1, 17n) ^ v2;
    v2 = rotate(v2, 32n);
  };
  const padded = new Uint8Array((Math.floor(data.length / 8) + 1) * 8);
  padded.set(data);
  padded[padded.length - 1] = data.length & 255;
  const words = new DataView(padded.buffer);
  for (let at = 0; at < padded.length; at += 8) {
    const word = words.getBigUint64(at, true);
    v3 ^= word;
    round();
    round();
    v0 ^= word;
  }
  v2 ^= 0xffn;
  for (let i = 0; i < 4; i++) round();
  return v0 ^ v1 ^ v2 ^ v3;
}

export interface Entry {
  readonly name: string;
  readonly inode: number;
  readonly type: number;
}

export class WrittenVolume {
  readonly read: ReadBytes;
  readonly sb: WrittenSuperblock;

  constructor(image: Uint8Array) {
    this.read = (position, length) => image.slice(position, position + length);
    this.sb = readSuperblockByHand(this.read, 0, 0);
  }

  inode(number: number): DataView {
    const group = Math.floor((number - 1) / this.sb.inodesPerGroup);
    const table = readGroupByHand(this.read, this.sb, group).inodeTable * this.sb.blockSize;
    const bytes = this.read(table + ((number - 1) % this.sb.inodesPerGroup) * 256, 256);
    return new DataView(bytes.buffer);
  }

  /** A block with a sum at `field` and its owner at `owner`, both checked. */
  private owned(
    block: number,
    magic: number,
    width: 2 | 4,
    field: number,
    ownerAt: number,
    owner: number,
  ): DataView {
    const bytes = this.read(block * this.sb.blockSize, this.sb.blockSize);
    const view = new DataView(bytes.buffer);
    const found = width === 2 ? view.getUint16(0, true) : view.getUint32(0, true);
    if (found !== magic) throw new Error(`block ${block} has the magic ${found.toString(16)}`);
    if (Number(view.getBigUint64(ownerAt, true)) !== owner)
      throw new Error(`block ${block} has another owner`);
    const sum = view.getUint32(field, true);
    view.setUint32(field, 0, true);
    if (slowCrc(slowCrc(this.sb.seed, little64(block)), bytes) !== sum)
      throw new Error(`block ${block}: sum`);
    return view;
  }

  /** Physical block by logical block, unwritten ones left out. */
  extents(number: number): Map<number, number> {
    const inode = this.inode(number);
    const found = new Map<number, number>();
    const node = (view: DataView, base: number, depth: number): void => {
      if (view.getUint16(base + 6, true) !== depth) throw new Error('depth');
      for (let i = 0; i < view.getUint16(base + 2, true); i++) {
        const at = base + 24 + i * 24;
        const second = Number(view.getBigUint64(at + 8, true));
        if (depth > 0) {
          node(this.owned(second, 0xe7a1, 2, 16, 8, number), 0, depth - 1);
          continue;
        }
        const logical = Number(view.getBigUint64(at, true));
        if ((view.getUint32(at + 20, true) & 1) !== 0) continue;
        for (let n = 0; n < view.getUint32(at + 16, true); n++) found.set(logical + n, second + n);
      }
    };
    node(inode, 136, inode.getUint16(136 + 6, true));
    return found;
  }

  content(number: number): Uint8Array {
    const { blockSize } = this.sb;
    const size = Number(this.inode(number).getBigUint64(16, true));
    const bytes = new Uint8Array(Math.ceil(size / blockSize) * blockSize);
    for (const [logical, physical] of this.extents(number)) {
      bytes.set(this.read(physical * blockSize, blockSize), logical * blockSize);
    }
    return bytes.subarray(0, size);
  }

  /** Entries in order; the order and the hash of every name are checked. */
  entries(number: number): Entry[] {
    const inode = this.inode(number);
    const found: Entry[] = [];
    let previous = 2n;
    const node = (block: number, level: number): void => {
      const view = this.owned(block, 0x52494456, 4, 20, 8, number);
      if (view.getUint16(4, true) !== level) throw new Error('level');
      for (let i = 0; i < view.getUint16(6, true); i++) {
        if (level > 0) {
          node(Number(view.getBigUint64(32 + i * 16 + 8, true)), level - 1);
          continue;
        }
        const at = view.getUint16(32 + i * 2, true);
        const cookie = view.getBigUint64(at, true);
        const name = new Uint8Array(view.buffer, at + 18, view.getUint8(at + 17));
        if (cookie <= previous) throw new Error('order of cookies');
        previous = cookie;
        const hash = siphash(this.sb.hashKey, name) & ((1n << 56n) - 1n);
        if (cookie >> 7n !== hash) throw new Error(`cookie of ${Buffer.from(name).toString()}`);
        found.push({
          name: Buffer.from(name).toString(),
          inode: Number(view.getBigUint64(at + 8, true)),
          type: view.getUint8(at + 16),
        });
      }
    };
    const root = Number(inode.getBigUint64(136, true));
    if (root !== 0) node(root, inode.getUint32(144, true));
    if (found.length !== Number(inode.getBigUint64(152, true))) throw new Error('count of entries');
    return found;
  }

  xattrs(number: number): Array<readonly [space: number, name: string, value: string]> {
    const block = Number(this.inode(number).getBigUint64(104, true));
    const view = this.owned(block, 0x54544156, 4, 12, 16, number);
    const found: Array<readonly [number, string, string]> = [];
    for (let at = 32; at < view.getUint32(8, true); ) {
      const name = view.getUint8(at + 1);
      const value = view.getUint32(at + 4, true);
      const text = (from: number, length: number): string =>
        Buffer.from(view.buffer, from, length).toString();
      found.push([view.getUint8(at), text(at + 8, name), text(at + 8 + name, value)]);
      at += Math.ceil((8 + name + value) / 8) * 8;
    }
    return found;
  }

  /** Slot -> id of the live rows of a file, from its log. */
  rows(number: number): {
    readonly live: Map<number, bigint>;
    readonly header: DataView;
    readonly logBlocks: number;
  } {
    const { blockSize } = this.sb;
    const setInode = Number(this.inode(number).getBigUint64(96, true));
    const header = this.owned(this.extents(setInode).get(0)!, 0x54455356, 4, 4, 8, number);
    const live = new Map<number, bigint>();
    const apply = (view: DataView, from: number, count: number): void => {
      for (let at = from; at < from + count * 24; at += 24) {
        const slot = view.getUint32(at + 4, true);
        const id = view.getBigUint64(at + 8, true);
        const many = Number(view.getBigUint64(at + 16, true));
        const type = view.getUint32(at, true);
        if (type === 4) for (const known of [...live.keys()]) if (known >= slot) live.delete(known);
        for (let i = 0; i < many; i++) {
          if (type === 3) live.delete(slot + i);
          else live.set(slot + i, id + BigInt(i));
        }
      }
    };
    const logInode = Number(header.getBigUint64(72, true));
    const logBlocks = Number(header.getBigUint64(80, true));
    const log = logInode === 0 ? new Map<number, number>() : this.extents(logInode);
    for (let i = 0; i < logBlocks; i++) {
      const view = this.owned(log.get(i)!, 0x474f4c56, 4, 24, 8, number);
      if (Number(view.getBigUint64(16, true)) !== i) throw new Error('index of a log block');
      apply(view, 32, Math.floor((blockSize - 512) / 24));
    }
    apply(header, 512, header.getUint32(96, true));
    return { live, header, logBlocks };
  }
}
