/**
 * In a guest: mounts one image after the other, walks what can be reached and issues calls on it that nobody means. Each
 * call may fail, none may hang or harm the kernel. Writes what happened to `walked` in the exchange folder.
 */
import {
  closeSync,
  constants,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { ioctl } from '@vexfs/fuse/system';
import { IndexOperation } from '@vexfs/shared';
import { KERNEL_ADDRESS, NULL, WILD, withMemory } from '../../parity/client/caller_memory.js';
import { manage, searchBatch } from '../../parity/client/index_calls.js';
import { getRows } from '../../parity/client/row_calls.js';
import { getEmbedding, getMeta, getStats, search } from '../../parity/client/vector_calls.js';
import { getXattr, listXattr, SEEK_DATA, SEEK_HOLE, seek } from '../../parity/operations/calls.js';
import { Seeded } from '../../unit/volume/seeded.js';
import { mountVolume, unmountVolume, withLoop } from './mounting.js';

const MOST_NAMES = 150;
const MOST_READ = 1 << 18;
const WILD_CALLS = 40;

/** What became of one image. */
export interface Walked {
  readonly mount: string;
  readonly unmount: string;
  /** How many calls were answered so. */
  readonly answers: Readonly<Record<string, number>>;
}

class Walk {
  readonly answers: Record<string, number> = {};
  private readonly random: Seeded;
  private names = 0;

  constructor(random: Seeded) {
    this.random = random;
  }

  private note(answer: unknown): void {
    const name = typeof answer === 'string' ? answer : 'ok';
    this.answers[name] = (this.answers[name] ?? 0) + 1;
  }

  private try<T>(work: () => T): T | undefined {
    try {
      const result = work();
      this.note('ok');
      return result;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === undefined) throw error;
      this.note(code);
      return undefined;
    }
  }

  run(root: string): void {
    const pending = [Buffer.from(root)];
    for (let dir = pending.pop(); dir !== undefined && this.names < MOST_NAMES; dir = pending.pop()) {
      const here = dir;
      for (const name of this.try(() => readdirSync(here, { encoding: 'buffer' })) ?? []) {
        if (this.names >= MOST_NAMES) break;
        this.names += 1;
        const path = Buffer.concat([here, Buffer.from('/'), name]);
        const status = this.try(() => lstatSync(path));
        if (status === undefined) continue;
        if (status.isDirectory()) pending.push(path);
        else if (status.isSymbolicLink()) this.try(() => readlinkSync(path));
        else if (status.isFile()) this.file(path);
        this.attributes(path);
      }
    }
  }

  private attributes(path: Buffer): void {
    const text = path.toString();
    if (!Buffer.from(text).equals(path)) return;
    const names = listXattr(text);
    if (typeof names === 'string') this.note(names);
    else for (const name of names) this.note(getXattr(text, name).toString().slice(0, 1) && 'ok');
  }

  private file(path: Buffer): void {
    const fd = this.try(() => openSync(path, constants.O_RDONLY));
    if (fd === undefined) return;
    this.try(() => readSync(fd, Buffer.alloc(MOST_READ), 0, MOST_READ, 0));
    this.note(seek(fd, 0, SEEK_DATA));
    this.note(seek(fd, this.random.below(100_000), SEEK_HOLE));
    const { outcome, dimensions } = getMeta(fd);
    this.note(outcome);
    if (outcome === 'ok') {
      this.note(search(fd, new Float32Array(dimensions), { k: 10 }).outcome);
      this.note(getStats(fd).outcome);
      const queries = new Float32Array(dimensions * 2);
      this.note(searchBatch(fd, queries, { dimensions, k: 5 }).outcome);
      this.note(getRows(fd, { ids: [0, 1, 2, 7], dimensions, room: dimensions * 16, flags: 1 }).outcome);
      for (const operation of [IndexOperation.INFO, IndexOperation.VERIFY, IndexOperation.WAIT])
        this.note(manage(fd, operation).outcome);
      this.note(getEmbedding(fd, { id: 1, room: dimensions * 4, data: 'own', elementType: 1 }).outcome);
      this.wild(fd, dimensions);
    }
    this.try(() => closeSync(fd));
  }

  /** Commands with numbers, sizes, fields and pointers of any kind. */
  private wild(fd: number, dimensions: number): void {
    const { random } = this;
    for (let i = 0; i < WILD_CALLS; i++) {
      withMemory((memory) => {
        const { view, address } = memory.room(16_384);
        const good = memory.room(1 << 18).address;
        for (let at = 0; at < 128; at += 8) {
          const pointer = random.of([NULL, WILD, KERNEL_ADDRESS, good, good + 1, random.bits()]);
          view.setBigUint64(at, BigInt.asUintN(64, BigInt(pointer)), true);
        }
        for (let times = random.below(6); times > 0; times--) {
          const value = random.of([0, 1, 2, 3, 10, dimensions, dimensions, 10_000, random.bits()]);
          view.setUint32(random.below(32) * 4, value, true);
        }
        const number = random.of([1, 2, 3, 3, 4, 0x10 + random.below(10), random.below(256)]);
        const size = random.of([0, 32, 40, 48, 64, 64 + random.below(512), 128, random.below(16_384)]);
        const command = ((random.below(4) << 30) | (size << 16) | (0x56 << 8) | number) >>> 0;
        const result = ioctl(fd, command, random.chance(10) ? WILD : address);
        this.note(result === 0 ? 'ok' : String(result));
      });
    }
  }
}

const [mountpoint, folder, ...seeds] = process.argv.slice(2) as [string, string, ...string[]];
const walked: Record<string, Walked> = {};
for (const seed of seeds) {
  walked[seed] = withLoop(join(folder, seed), [], (device) => {
    const mount = mountVolume(device, mountpoint);
    if (mount !== 'ok') return { mount, unmount: '', answers: {} };
    const walk = new Walk(new Seeded(Number(seed)));
    walk.run(mountpoint);
    return { mount, unmount: unmountVolume(mountpoint), answers: walk.answers };
  });
}
writeFileSync(join(process.env.VEXFS_EXCHANGE!, 'walked'), JSON.stringify(walked));
