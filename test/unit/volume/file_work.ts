import {
  preallocate,
  punchHole,
  readContent,
  truncateContent,
  writeContent,
  zeroRange,
} from '@vexfs/fuse/volume';
import type { Node } from './model.js';
import type { Workload } from './workload.js';

/** Operations on the bytes of files without a vector set. */
export class FileWork {
  private readonly work: Workload;

  constructor(work: Workload) {
    this.work = work;
  }

  private plainFile(): Node | undefined {
    const files = this.work.nodes('file', ({ rows }) => rows === undefined);
    return files.length === 0 ? undefined : this.work.random.of(files);
  }

  write(): void {
    const node = this.plainFile();
    if (node === undefined) return;
    const { mostBytes } = this.work.choices;
    const size = node.content.length;
    const blockSize = this.work.volume.geometry.blockSize;
    const places = [size, this.work.random.below(size + 1), this.work.random.below(mostBytes), 0];
    let offset = this.work.random.of(places);
    if (this.work.random.chance(30)) offset -= offset % blockSize;
    const lengths = [
      1 + this.work.random.below(blockSize),
      1 + this.work.random.below(mostBytes / 4),
      blockSize,
    ];
    const length = Math.min(this.work.random.of(lengths), mostBytes - offset);
    if (length <= 0) return;
    const data = this.work.random.bytes(length);
    const fromStep = this.work.target.device.steps.length;
    this.work.version(node.number, overlay(node.content, offset, data), fromStep);
    let written = 0;
    const done = this.work.try(`write ${length} bytes at ${offset} of ${node.number}`, 0, () => {
      written = writeContent(this.work.volume, this.work.inode(node.number), offset, data);
    });
    this.work.forgetRefused(node.number, done);
    if (!done) return;
    if (written < length) this.work.refused += 1;
    if (written < 1 || written > length) throw new Error(`${this.work.last}: ${written} bytes are written`);
    const content = overlay(node.content, offset, data.subarray(0, written));
    this.work.model.change(node.number, { content });
    this.work.version(node.number, content, fromStep);
  }

  truncate(): void {
    const node = this.plainFile();
    if (node === undefined) return;
    const size = node.content.length;
    const sizes = [0, this.work.random.below(size + 1), this.work.random.below(this.work.choices.mostBytes)];
    const to = this.work.random.of(sizes);
    const content = new Uint8Array(to);
    content.set(node.content.subarray(0, to));
    this.work.resize(node, content, (inode) => truncateContent(this.work.volume, inode, to), {});
  }

  /** The three ways of fallocate(2): only what they do to the bytes can be seen. */
  allocate(): void {
    const node = this.plainFile();
    if (node === undefined) return;
    const offset = this.work.random.below(this.work.choices.mostBytes);
    const length = 1 + this.work.random.below(this.work.choices.mostBytes - offset);
    const way = this.work.random.below(3);
    if (way === 0) {
      this.work.try(`preallocate ${length} bytes at ${offset} of ${node.number}`, 0, () => {
        preallocate(this.work.volume, this.work.inode(node.number), offset, length);
      });
      return;
    }
    const content = node.content.slice();
    content.fill(0, offset, offset + length);
    this.work.version(node.number, content, this.work.target.device.steps.length);
    const clear = way === 1 ? punchHole : zeroRange;
    const done = this.work.try(`${clear.name} ${length} bytes at ${offset} of ${node.number}`, 0, () => {
      clear(this.work.volume, this.work.inode(node.number), offset, length);
    });
    this.work.model.change(node.number, { content: done ? content : this.partlyCleared(node, content) });
  }

  /** What a file holds when space ran out while it was cleared: each byte is old or zero. */
  private partlyCleared(node: Node, cleared: Uint8Array): Uint8Array {
    const found = new Uint8Array(node.content.length);
    readContent(this.work.volume, this.work.inode(node.number), 0, found);
    const known = found.every((byte, i) => byte === node.content[i] || byte === cleared[i]);
    if (!known) throw new Error(`${this.work.last}: bytes have changed that should not`);
    return found;
  }
}

function overlay(content: Uint8Array, offset: number, data: Uint8Array): Uint8Array {
  const whole = new Uint8Array(Math.max(content.length, offset + data.length));
  whole.set(content);
  whole.set(data, offset);
  return whole;
}
