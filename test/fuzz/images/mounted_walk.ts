/** What a user does on a mount that may lead anywhere: every call may fail, none may hang or find the daemon dead. */
import {
  closeSync,
  constants,
  fsyncSync,
  ftruncateSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  renameSync,
  rmdirSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { getEmbedding, getMeta, getStats, insert, search } from '../../parity/client/vector_calls.js';
import {
  fallocate,
  KEEP_SIZE,
  listXattr,
  PUNCH_HOLE,
  SEEK_DATA,
  seek,
  setXattr,
} from '../../parity/operations/calls.js';
import type { Seeded } from '../../unit/volume/seeded.js';

const MOST_NAMES = 150;
const MOST_READ = 1 << 18;
/** What calls answer when nobody serves the mount any more. */
const GONE = ['ENOTCONN', 'ECONNABORTED', 'ESHUTDOWN'];

/** Walks and changes a mounted volume. Returns how many calls failed, by errno; throws when the daemon is gone. */
export function walkMount(root: string, random: Seeded): Map<string, number> {
  const walk = new Walk(random);
  walk.run(root);
  return walk.errors;
}

class Walk {
  readonly errors = new Map<string, number>();
  private readonly random: Seeded;
  private readonly names: Array<{ path: Buffer; isDirectory: boolean }> = [];

  constructor(random: Seeded) {
    this.random = random;
  }

  private note(code: string): void {
    this.errors.set(code, (this.errors.get(code) ?? 0) + 1);
    if (GONE.includes(code)) throw new Error(`the daemon is gone: ${code}`);
  }

  private try<T>(work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === undefined) throw error;
      this.note(code);
      return undefined;
    }
  }

  private outcome(result: string | number | readonly unknown[]): void {
    if (typeof result === 'string' && result !== 'ok') this.note(result);
  }

  run(root: string): void {
    const pending = [Buffer.from(root)];
    for (let dir = pending.pop(); dir !== undefined && this.names.length < MOST_NAMES; dir = pending.pop()) {
      const here = dir;
      const entries = this.try(() => readdirSync(here, { encoding: 'buffer' })) ?? [];
      for (const name of entries) {
        if (this.names.length >= MOST_NAMES) break;
        const path = Buffer.concat([here, Buffer.from('/'), name]);
        const status = this.try(() => lstatSync(path));
        if (status === undefined) continue;
        this.names.push({ path, isDirectory: status.isDirectory() });
        if (status.isDirectory()) pending.push(path);
        else if (status.isSymbolicLink()) this.try(() => readlinkSync(path));
        else if (status.isFile()) this.file(path);
        if (isText(path)) this.outcome(listXattr(path.toString()));
      }
    }
    this.change(root);
  }

  private open(path: Buffer, flags: number): number | undefined {
    return this.try(() => openSync(path, flags));
  }

  private file(path: Buffer): void {
    const fd = this.open(path, constants.O_RDWR);
    if (fd === undefined) return;
    this.try(() => readSync(fd, Buffer.alloc(MOST_READ), 0, MOST_READ, 0));
    this.outcome(seek(fd, 0, SEEK_DATA));
    this.rows(fd);
    const { random } = this;
    this.try(() => writeSync(fd, random.bytes(500), 0, 500, random.below(20_000)));
    this.outcome(fallocate(fd, PUNCH_HOLE | KEEP_SIZE, random.below(9000), 1 + random.below(9000)));
    if (random.chance(40)) this.try(() => ftruncateSync(fd, random.below(30_000)));
    if (random.chance(30)) this.try(() => fsyncSync(fd));
    this.try(() => closeSync(fd));
  }

  private rows(fd: number): void {
    const { outcome, dimensions } = getMeta(fd);
    if (outcome !== 'ok') return;
    const query = new Float32Array(dimensions);
    this.outcome(search(fd, query, { k: 10 }).outcome);
    this.outcome(getStats(fd).outcome);
    this.outcome(getEmbedding(fd, { id: 1, room: dimensions * 4, data: 'own', elementType: 1 }).outcome);
    this.outcome(insert(fd, new Float32Array(dimensions * 2).fill(1), { dimensions }));
    this.outcome(
      insert(fd, new Float32Array(dimensions * 2).fill(0), { dimensions, ids: [1, 1_000_000], flags: 1 }),
    );
    this.outcome(search(fd, query, { k: 3, type: 1 }).outcome);
  }

  private change(root: string): void {
    const { random } = this;
    for (let i = 0; i < 5; i++) this.try(() => mkdirSync(`${root}/made ${i}`));
    for (const { path, isDirectory } of [...this.names].reverse()) {
      const way = random.below(10);
      if (way < 2) {
        const other = random.chance(50) ? Buffer.from(`${root}/made 0/x`) : random.of(this.names).path;
        this.try(() => renameSync(path, other));
      } else if (way < 4) {
        if (isText(path)) this.outcome(setXattr(path.toString(), 'user.fuzz', 'x'.repeat(random.below(300))));
      } else if (way < 8) {
        this.try(() => (isDirectory ? rmdirSync(path) : unlinkSync(path)));
      }
    }
    const fd = this.open(Buffer.from(`${root}/made 1/last`), constants.O_RDWR | constants.O_CREAT);
    if (fd === undefined) return;
    this.try(() => writeSync(fd, random.bytes(10_000)));
    this.try(() => fsyncSync(fd));
    closeSync(fd);
  }
}

/** Whether a path survives the way through a string. */
function isText(path: Buffer): boolean {
  return Buffer.from(path.toString()).equals(path);
}
