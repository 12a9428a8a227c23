import { constants, ftruncateSync, readSync, writeSync } from 'node:fs';
import { mapFile } from '../../parity/client/mapping.js';
import { copyRange, fallocate, KEEP_SIZE, PUNCH_HOLE, ZERO_RANGE } from '../../parity/operations/calls.js';
import type { Named } from './model.js';
import type { Operation } from './operation.js';
import type { Player } from './player.js';

const LARGEST = 100_000;
const PAGE = 4096;

/** Operations on the bytes of files that have no rows. */
export class FileOperations {
  private readonly player: Player;

  constructor(player: Player) {
    this.player = player;
  }

  readonly actions = {
    write: (operation: Operation) => this.write(operation),
    append: (operation: Operation) => this.append(operation),
    read: (operation: Operation) => this.read(operation),
    truncate: (operation: Operation) => this.truncate(operation),
    allocate: (operation: Operation) => this.allocate(operation),
    copy: (operation: Operation) => this.copy(operation),
    writeMapped: (operation: Operation) => this.writeMapped(operation),
    readMapped: (operation: Operation) => this.readMapped(operation),
  };

  private file(number: number): Named | undefined {
    return this.player.choose(number, ({ kind, rows }) => kind === 'file' && rows === undefined);
  }

  /** Bytes of which none is zero. */
  private fresh(length: number, seed: number): Buffer {
    const bytes = Buffer.alloc(length);
    for (let i = 0; i < length; i++) bytes[i] = 1 + ((seed + i * 7) % 255);
    return bytes;
  }

  /** Mostly small lengths, and offsets often at the edge of a block. */
  private range({ b, c }: Operation): { offset: number; length: number } {
    const offset = b % 4 === 0 ? Math.floor((b % LARGEST) / PAGE) * PAGE : b % LARGEST;
    const most = [100, PAGE, 3 * PAGE, 40_000][c % 4]!;
    return { offset, length: Math.min(1 + (c % most), LARGEST - offset) };
  }

  private put(file: Named, offset: number, bytes: Buffer): void {
    const content = Buffer.alloc(Math.max(file.node.content.length, offset + bytes.length));
    file.node.content.copy(content);
    bytes.copy(content, offset);
    this.player.model.change(file.number, { content });
  }

  private resized(content: Buffer, size: number): Buffer {
    const resized = Buffer.alloc(size);
    content.copy(resized, 0, 0, Math.min(size, content.length));
    return resized;
  }

  private write(operation: Operation): void {
    const file = this.file(operation.a);
    if (file === undefined) return;
    const { offset, length } = this.range(operation);
    const bytes = this.fresh(length, operation.d);
    const written = this.player.withFile(file.path, constants.O_WRONLY, (fd) =>
      writeSync(fd, bytes, 0, length, offset),
    );
    this.player.expect('write', written, length);
    this.put(file, offset, bytes);
  }

  private append({ a, c, d }: Operation): void {
    const file = this.file(a);
    if (file === undefined || file.node.content.length > LARGEST) return;
    const bytes = this.fresh(1 + (c % 9000), d);
    const flags = constants.O_WRONLY | constants.O_APPEND | (d % 3 === 0 ? constants.O_DSYNC : 0);
    this.player.expect(
      'append',
      this.player.withFile(file.path, flags, (fd) => writeSync(fd, bytes)),
      bytes.length,
    );
    this.put(file, file.node.content.length, bytes);
  }

  private read(operation: Operation): void {
    const file = this.file(operation.a);
    if (file === undefined) return;
    const { offset, length } = this.range(operation);
    const into = Buffer.alloc(length);
    const count = this.player.withFile(file.path, constants.O_RDONLY, (fd) =>
      readSync(fd, into, 0, length, offset),
    );
    const wanted = file.node.content.subarray(offset, offset + length);
    this.player.expect('read', count, wanted.length);
    this.same(file, into.subarray(0, count), wanted, offset);
  }

  private same(file: Named, got: Uint8Array, wanted: Uint8Array, offset: number): void {
    if (Buffer.compare(got, wanted) === 0) return;
    const at = got.findIndex((byte, i) => byte !== wanted[i]);
    this.player.fail(`byte ${offset + at} of ${file.path} is ${got[at]}, not ${wanted[at]}`);
  }

  private truncate({ a, b }: Operation): void {
    const file = this.file(a);
    if (file === undefined) return;
    const size = b % 5 === 0 ? 0 : b % LARGEST;
    this.player.withFile(file.path, constants.O_RDWR, (fd) => ftruncateSync(fd, size));
    this.player.model.change(file.number, { content: this.resized(file.node.content, size) });
  }

  private allocate(operation: Operation): void {
    const file = this.file(operation.a);
    if (file === undefined) return;
    const { offset, length } = this.range(operation);
    const mode = [0, KEEP_SIZE, PUNCH_HOLE | KEEP_SIZE, ZERO_RANGE, ZERO_RANGE | KEEP_SIZE, PUNCH_HOLE, 8][
      operation.d % 7
    ]!;
    const result = this.player.withFile(file.path, constants.O_RDWR, (fd) =>
      fallocate(fd, mode, offset, length),
    );
    const known = mode !== PUNCH_HOLE && mode !== 8;
    this.player.expect(`fallocate mode ${mode}`, result, known ? 0 : 'EOPNOTSUPP');
    if (!known) return;
    const { content } = file.node;
    const grown = (mode & KEEP_SIZE) === 0 ? Math.max(content.length, offset + length) : content.length;
    const changed = this.resized(content, grown);
    if ((mode & (PUNCH_HOLE | ZERO_RANGE)) !== 0)
      changed.fill(0, Math.min(offset, grown), Math.min(offset + length, grown));
    this.player.model.change(file.number, { content: changed });
  }

  private copy(operation: Operation): void {
    const [from, to] = [this.file(operation.a), this.file(operation.d)];
    if (from === undefined || to === undefined || from.number === to.number) return;
    const { offset, length } = this.range(operation);
    const wanted = from.node.content.subarray(offset, offset + length);
    const target = operation.d % 50_000;
    const count = this.player.withFile(from.path, constants.O_RDONLY, (source) =>
      this.player.withFile(to.path, constants.O_WRONLY, (fd) =>
        copyRange(source, offset, fd, target, length),
      ),
    );
    this.player.expect('copy_file_range', count, wanted.length);
    if (wanted.length > 0) this.put(to, target, Buffer.from(wanted));
  }

  private writeMapped(operation: Operation): void {
    const file = this.file(operation.a);
    if (file === undefined || file.node.content.length === 0) return;
    const offset = operation.b % file.node.content.length;
    const length = Math.min(1 + (operation.c % 9000), file.node.content.length - offset);
    const bytes = this.fresh(length, operation.d);
    const start = offset - (offset % PAGE);
    this.player.withFile(file.path, constants.O_RDWR, (fd) => {
      const mapping = mapFile(fd, offset + length - start, { offset: start });
      mapping.bytes.set(bytes, offset - start);
      mapping.sync();
      mapping.unmap();
    });
    this.put(file, offset, bytes);
  }

  private readMapped(operation: Operation): void {
    const file = this.file(operation.a);
    if (file === undefined || file.node.content.length === 0) return;
    const { length } = file.node.content;
    this.player.withFile(file.path, constants.O_RDONLY, (fd) => {
      const mapping = mapFile(fd, length, { readOnly: true });
      const got = Buffer.from(mapping.bytes.subarray(0, length));
      mapping.unmap();
      this.same(file, got, file.node.content, 0);
    });
  }
}
