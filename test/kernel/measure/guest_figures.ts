/** In a guest: what a mount costs in memory, and searches by the module beside the same engine in user space. */
import { closeSync, fstatSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  cpuFor,
  Isa,
  prepareQuery,
  queryBytes,
  SCAN_SCRATCH_BYTES,
  scanRequest,
  searchExact,
  topkBytes,
} from '@vexfs/fuse/engine';
import { allocateMemory, MAP_SHARED, type Memory, mmap, munmap, PROT_READ } from '@vexfs/fuse/system';
import { getMeta, search } from '../../parity/client/vector_calls.js';
import { MS_RDONLY, mountVolume, unmountVolume } from '../volume/mounting.js';

const ROUNDS = 25;
const K = 10;

const [device, mountpoint, ...names] = process.argv.slice(2) as [string, string, ...string[]];

/** KiB that /proc/meminfo gives. */
function meminfo(name: string): number {
  const text = readFileSync('/proc/meminfo', 'utf8');
  return Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)?.[1] ?? Number.NaN);
}

function held(): number {
  writeFileSync('/proc/sys/vm/drop_caches', '3');
  return meminfo('Slab') + meminfo('VmallocUsed');
}

function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)]!;
}

function values(dimensions: number, seed: number): Float32Array {
  let state = seed;
  return Float32Array.from({ length: dimensions }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state >>> 8) / 2 ** 24;
  });
}

/** The same search over the mapped file. Returns the ids. */
class UserSpace {
  private readonly cpu = cpuFor(Isa.AVX2);
  private readonly query: Memory;
  private readonly values: Memory;
  private readonly scan: Memory = allocateMemory(4096);
  private readonly topk: Memory = allocateMemory(Math.max(4096, topkBytes(K)));
  private readonly out: Memory = allocateMemory(4096);
  private readonly dimensions: number;
  private readonly bytes: number;
  private readonly rows: number;

  constructor(fd: number, dimensions: number, rows: number) {
    this.dimensions = dimensions;
    this.bytes = rows * dimensions * 4;
    this.rows = mmap(0, this.bytes, PROT_READ, MAP_SHARED, fd, 0);
    this.query = allocateMemory(queryBytes(dimensions));
    this.values = allocateMemory(dimensions * 4);
    const ids = allocateMemory(rows * 8);
    for (let i = 0; i < rows; i++) ids.view.setUint32(i * 8, i, true);
    const { view } = this.scan;
    scanRequest.rows.set(view, 0, this.rows);
    scanRequest.stride.set(view, 0, dimensions * 4);
    scanRequest.ids.set(view, 0, ids.address);
    scanRequest.live.set(view, 0, 0);
    scanRequest.interrupt.set(view, 0, 0);
    scanRequest.scratch.set(view, 0, allocateMemory(SCAN_SCRATCH_BYTES).address);
    scanRequest.first.set(view, 0, 0);
    scanRequest.n.set(view, 0, rows);
  }

  end(): void {
    munmap(this.rows, this.bytes);
  }

  run(query: Float32Array): bigint[] {
    const { cpu, dimensions } = this;
    new Float32Array(this.values.bytes.buffer, this.values.bytes.byteOffset, dimensions).set(query);
    prepareQuery(cpu, this.query.address, 0, 1, dimensions, this.values.address);
    const distances = this.out.address;
    const ids = distances + 1024;
    const found = searchExact(
      cpu,
      this.query.address,
      this.scan.address,
      K,
      this.topk.address,
      distances,
      ids,
      0,
    );
    return Array.from({ length: found }, (_, i) => this.out.view.getBigUint64(1024 + i * 8, true));
  }
}

function compare(name: string): Record<string, unknown> {
  const fd = openSync(join(mountpoint, name), 'r');
  const { dimensions, vectorCount } = getMeta(fd);
  const user = new UserSpace(fd, dimensions, vectorCount);
  const inKernel: number[] = [];
  const inUserSpace: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const query = values(dimensions, round);
    const start = performance.now();
    const expected = user.run(query);
    const middle = performance.now();
    const { hits } = search(fd, query, { k: K });
    const end = performance.now();
    if (hits.map(({ id }) => id).join() !== expected.join()) throw new Error(`${name}: different results`);
    inUserSpace.push(middle - start);
    inKernel.push(end - middle);
  }
  const bytes = fstatSync(fd).size;
  closeSync(fd);
  user.end();
  const [kernelMs, userMs] = [median(inKernel), median(inUserSpace)];
  return { name, rows: vectorCount, dimensions, bytes, kernelMs, userMs, ratio: kernelMs / userMs };
}

const before = held();
if (mountVolume(device, mountpoint, MS_RDONLY) !== 'ok') throw new Error('mount');
const moduleBytes = Number(/^vexfs (\d+)/m.exec(readFileSync('/proc/modules', 'utf8'))![1]);
const idleKiB = held() - before;
const figures = { moduleBytes, idleKiB, searches: names.map(compare) };
if (unmountVolume(mountpoint) !== 'ok') throw new Error('umount');
writeFileSync(join(process.env.VEXFS_EXCHANGE!, 'figures'), JSON.stringify(figures));
