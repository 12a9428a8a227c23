import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readSync,
  writeSync,
} from 'node:fs';
import { mapFile } from '../client/mapping.js';
import {
  copyRange,
  fallocate,
  KEEP_SIZE,
  PUNCH_HOLE,
  SEEK_DATA,
  SEEK_HOLE,
  seek,
  ZERO_RANGE,
} from './calls.js';

const PAGE = 4096;

/** What a run does, all of it following from the seed. */
export interface RandomRun {
  readonly seed: number;
  readonly operations: number;
  /** Paths of the files, which are made anew. */
  readonly paths: readonly string[];
  /** Bytes that a file has at most. */
  readonly largest: number;
  /** Multiple that every offset and length is rounded to, as descriptors with O_DIRECT want it; 1 for none. */
  readonly alignment?: number;
  /** Runs between two operations every now and then, with all descriptors closed: a remount, say. */
  readonly pause?: () => Promise<void>;
  readonly operationsBetweenPauses?: number;
}

interface ModelFile {
  readonly path: string;
  /** Open for reading and writing. */
  fd: number;
  /** The same with O_APPEND. */
  appender: number;
  /** What the file has to hold. */
  bytes: Buffer;
}

/** Numbers that follow from a seed (mulberry32). */
function generator(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let value = state;
    value = Math.imul(value ^ (value >>> 15), value | 1);
    value ^= value + Math.imul(value ^ (value >>> 7), value | 61);
    return ((value ^ (value >>> 14)) >>> 0) % below;
  };
}

/**
 * Does random things to a few files and to their models in memory, and compares them after each step. Throws an Error that
 * names the seed, the first difference and the last operations.
 */
export class RandomOperations {
  private readonly run: RandomRun;
  private readonly random: (below: number) => number;
  private readonly files: ModelFile[];
  private readonly log: string[] = [];
  private readonly kinds: ReadonlyArray<readonly [weight: number, operation: () => void]>;

  constructor(run: RandomRun) {
    this.run = run;
    this.random = generator(run.seed);
    this.files = run.paths.map((path) => ({ path, fd: -1, appender: -1, bytes: Buffer.alloc(0) }));
    this.kinds = [
      [20, () => this.read()],
      [18, () => this.write()],
      [5, () => this.append()],
      [6, () => this.truncate()],
      [12, () => this.writeMapped()],
      [6, () => this.readMapped()],
      [8, () => this.punch()],
      [8, () => this.zero()],
      [8, () => this.preallocate()],
      [7, () => this.copy()],
      [1, () => this.synchronise()],
      [2, () => this.compareAll()],
      [2, () => this.compareHoles()],
    ];
  }

  async start(): Promise<void> {
    const { operations, pause, operationsBetweenPauses } = this.run;
    const weights = this.kinds.reduce((sum, [weight]) => sum + weight, 0);
    for (const file of this.files) {
      this.open(file, true);
    }
    try {
      for (let i = 1; i <= operations; i++) {
        let choice = this.random(weights);
        const kind = this.kinds.find(([weight]) => {
          choice -= weight;
          return choice < 0;
        })!;
        kind[1]();
        if (pause !== undefined && i % (operationsBetweenPauses ?? 1000) === 0) {
          this.closeAll();
          await pause();
          for (const file of this.files) this.open(file, false);
          this.compareAll();
        }
      }
      this.compareAll();
    } finally {
      this.closeAll();
    }
  }

  private open(file: ModelFile, isNew: boolean): void {
    file.fd = openSync(
      file.path,
      constants.O_RDWR | (isNew ? constants.O_CREAT | constants.O_TRUNC : 0),
      0o644,
    );
    file.appender = openSync(file.path, constants.O_WRONLY | constants.O_APPEND);
  }

  private closeAll(): void {
    for (const file of this.files) {
      for (const fd of [file.fd, file.appender]) if (fd >= 0) closeSync(fd);
      file.fd = -1;
      file.appender = -1;
    }
  }

  private fail(what: string): never {
    const last = this.log.slice(-25).join('\n  ');
    throw new Error(
      `seed ${this.run.seed}, operation ${this.log.length}: ${what}\nthe last operations:\n  ${last}`,
    );
  }

  private note(name: string, file: ModelFile, ...words: Array<number | string>): void {
    this.log.push(`${name} ${this.files.indexOf(file)} ${words.join(' ')} (size ${file.bytes.length})`);
  }

  private any(): ModelFile {
    return this.files[this.random(this.files.length)]!;
  }

  private rounded(value: number): number {
    const { alignment } = this.run;
    return alignment === undefined ? value : Math.floor(value / alignment) * alignment;
  }

  /** A range below `limit`; lengths are mostly small, and offsets often at the edge of a block. */
  private range(limit: number): { offset: number; length: number } {
    let offset = this.random(limit);
    if (this.random(4) === 0) offset -= offset % PAGE;
    const most = [100, PAGE, 20_000, limit][this.random(4)]!;
    const length = Math.min(1 + this.random(most), limit - offset);
    return { offset: this.rounded(offset), length: Math.max(this.run.alignment ?? 1, this.rounded(length)) };
  }

  private fresh(length: number): Buffer {
    const bytes = Buffer.alloc(length);
    const start = this.random(255);
    for (let i = 0; i < length; i++) bytes[i] = 1 + ((start + i * 7) % 255);
    return bytes;
  }

  private grow(file: ModelFile, size: number): void {
    if (size > file.bytes.length)
      file.bytes = Buffer.concat([file.bytes, Buffer.alloc(size - file.bytes.length)]);
  }

  private expect(result: number | string, wanted: number): void {
    if (result !== wanted) this.fail(`returned ${result} and not ${wanted}`);
  }

  private checkSize(file: ModelFile): void {
    const { size } = fstatSync(file.fd);
    if (size !== file.bytes.length) this.fail(`the size is ${size} and not ${file.bytes.length}`);
  }

  private checkBytes(file: ModelFile, got: Uint8Array, offset: number): void {
    const wanted = file.bytes.subarray(offset, offset + got.length);
    if (Buffer.compare(got, wanted) === 0) return;
    const at = got.findIndex((byte, i) => byte !== wanted[i]);
    this.fail(`byte ${offset + at} is ${got[at]} and not ${wanted[at]}`);
  }

  private read(): void {
    const file = this.any();
    const { offset, length } = this.range(this.run.largest);
    this.note('read', file, offset, length);
    const into = Buffer.alloc(length);
    const count = readSync(file.fd, into, 0, length, offset);
    this.expect(count, Math.max(0, Math.min(length, file.bytes.length - offset)));
    this.checkBytes(file, into.subarray(0, count), offset);
  }

  private write(): void {
    const file = this.any();
    const { offset, length } = this.range(this.run.largest);
    this.note('write', file, offset, length);
    const bytes = this.fresh(length);
    this.expect(writeSync(file.fd, bytes, 0, length, offset), length);
    this.grow(file, offset + length);
    bytes.copy(file.bytes, offset);
    this.checkSize(file);
  }

  private append(): void {
    const file = this.any();
    const room = this.run.largest - file.bytes.length;
    if (room <= 0) return;
    const bytes = this.fresh(Math.min(room, 1 + this.random(9000)));
    this.note('append', file, bytes.length);
    this.expect(writeSync(file.appender, bytes), bytes.length);
    file.bytes = Buffer.concat([file.bytes, bytes]);
    this.checkSize(file);
  }

  private truncate(): void {
    const file = this.any();
    const size = this.rounded(this.random(this.run.largest));
    this.note('truncate', file, size);
    ftruncateSync(file.fd, size);
    file.bytes = Buffer.from(file.bytes.subarray(0, size));
    this.grow(file, size);
    this.checkSize(file);
  }

  /** A part of the file, at least a byte long, or undefined when there is none. */
  private part(file: ModelFile): { offset: number; length: number } | undefined {
    const size = file.bytes.length;
    if (size === 0) return undefined;
    const { offset, length } = this.range(size);
    return { offset, length: Math.min(length, size - offset) };
  }

  private writeMapped(): void {
    const file = this.any();
    const part = this.part(file);
    if (part === undefined) return;
    const { offset, length } = part;
    const sync = this.random(3) === 0;
    this.note('mapped write', file, offset, length, sync ? 'msync' : '');
    const start = offset - (offset % PAGE);
    const mapping = mapFile(file.fd, offset + length - start, { offset: start });
    const bytes = this.fresh(length);
    mapping.bytes.set(bytes, offset - start);
    if (sync) mapping.sync();
    mapping.unmap();
    bytes.copy(file.bytes, offset);
  }

  private readMapped(): void {
    const file = this.any();
    const part = this.part(file);
    if (part === undefined) return;
    const { offset, length } = part;
    this.note('mapped read', file, offset, length);
    const start = offset - (offset % PAGE);
    const mapping = mapFile(file.fd, offset + length - start, { offset: start, readOnly: true });
    const got = Buffer.from(mapping.bytes.subarray(offset - start, offset - start + length));
    mapping.unmap();
    this.checkBytes(file, got, offset);
  }

  private punch(): void {
    const file = this.any();
    const { offset, length } = this.range(this.run.largest);
    this.note('punch', file, offset, length);
    this.expect(fallocate(file.fd, PUNCH_HOLE | KEEP_SIZE, offset, length), 0);
    file.bytes.fill(0, Math.min(offset, file.bytes.length), Math.min(offset + length, file.bytes.length));
    this.checkSize(file);
  }

  private zero(): void {
    const file = this.any();
    const { offset, length } = this.range(this.run.largest);
    const keeps = this.random(2) === 0;
    this.note('zero', file, offset, length, keeps ? 'keep size' : '');
    this.expect(fallocate(file.fd, ZERO_RANGE | (keeps ? KEEP_SIZE : 0), offset, length), 0);
    if (!keeps) this.grow(file, offset + length);
    file.bytes.fill(0, Math.min(offset, file.bytes.length), Math.min(offset + length, file.bytes.length));
    this.checkSize(file);
  }

  private preallocate(): void {
    const file = this.any();
    const { offset, length } = this.range(this.run.largest);
    const keeps = this.random(2) === 0;
    this.note('fallocate', file, offset, length, keeps ? 'keep size' : '');
    this.expect(fallocate(file.fd, keeps ? KEEP_SIZE : 0, offset, length), 0);
    if (!keeps) this.grow(file, offset + length);
    this.checkSize(file);
  }

  private copy(): void {
    const [from, to] = [this.any(), this.any()];
    const part = this.part(from);
    if (part === undefined) return;
    const { offset, length } = part;
    const target = this.rounded(this.random(this.run.largest - length + 1));
    if (from === to && target < offset + length && offset < target + length) return;
    this.note('copy', from, offset, length, 'to', this.files.indexOf(to), target);
    for (let done = 0; done < length; ) {
      const count = copyRange(from.fd, offset + done, to.fd, target + done, length - done);
      if (typeof count === 'string' || count === 0) this.fail(`copied ${count} after ${done} bytes`);
      done += count;
    }
    const bytes = Buffer.from(from.bytes.subarray(offset, offset + length));
    this.grow(to, target + length);
    bytes.copy(to.bytes, target);
    this.checkSize(to);
  }

  private synchronise(): void {
    const file = this.any();
    this.note('fsync', file);
    fsyncSync(file.fd);
  }

  private compareAll(): void {
    for (const file of this.files) {
      this.note('compare', file);
      this.checkSize(file);
      const into = Buffer.alloc(file.bytes.length);
      let at = 0;
      for (let count = 1; count > 0 && at < into.length; at += count)
        count = readSync(file.fd, into, at, into.length - at, at);
      this.checkBytes(file, into, 0);
    }
  }

  /** Whatever lseek(2) calls a hole is zeros. Stores of mappings are brought to the filesystem before. */
  private compareHoles(): void {
    const file = this.any();
    this.note('holes', file);
    fsyncSync(file.fd);
    const size = file.bytes.length;
    for (let at = 0; at < size; ) {
      const data = seek(file.fd, at, SEEK_DATA);
      const start = data === 'ENXIO' ? size : data;
      if (typeof start === 'string' || start < at) this.fail(`SEEK_DATA from ${at} gave ${data}`);
      if (file.bytes.subarray(at, start).some((byte) => byte !== 0))
        this.fail(`data in the hole ${at} to ${start}`);
      if (start >= size) return;
      const end = seek(file.fd, start, SEEK_HOLE);
      if (typeof end === 'string' || end <= start || end > size)
        this.fail(`SEEK_HOLE from ${start} gave ${end}`);
      at = end;
    }
  }
}
