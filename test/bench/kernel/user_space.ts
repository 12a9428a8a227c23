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

/** Exact search by the engine in user space, over a mapped file of float32 rows that lie packed, ids 0, 1, ... */
export class UserSpaceSearch {
  private readonly cpu = cpuFor(Isa.AVX2);
  private readonly query: Memory;
  private readonly values: Memory;
  private readonly scan: Memory = allocateMemory(4096);
  private readonly topk: Memory;
  private readonly out: Memory = allocateMemory(4096);
  private readonly dimensions: number;
  private readonly k: number;
  private readonly bytes: number;
  private readonly rows: number;

  constructor(fd: number, dimensions: number, rows: number, k: number) {
    this.dimensions = dimensions;
    this.k = k;
    this.bytes = rows * dimensions * 4;
    this.rows = mmap(0, this.bytes, PROT_READ, MAP_SHARED, fd, 0);
    this.query = allocateMemory(queryBytes(dimensions));
    this.values = allocateMemory(dimensions * 4);
    this.topk = allocateMemory(Math.max(4096, topkBytes(k)));
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

  /** Ids of the nearest, by Euclidean distance. */
  run(query: Float32Array): bigint[] {
    const { cpu, dimensions } = this;
    new Float32Array(this.values.bytes.buffer, this.values.bytes.byteOffset, dimensions).set(query);
    prepareQuery(cpu, this.query.address, 0, 1, dimensions, this.values.address);
    const distances = this.out.address;
    const ids = distances + 1024;
    const { k, scan, topk } = this;
    const found = searchExact(cpu, this.query.address, scan.address, k, topk.address, distances, ids, 0);
    return Array.from({ length: found }, (_, i) => this.out.view.getBigUint64(1024 + i * 8, true));
  }
}
