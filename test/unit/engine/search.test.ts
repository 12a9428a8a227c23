import { Worker } from 'node:worker_threads';
import {
  bestCpu,
  duplicateScratchBytes,
  enginePath,
  IdTable,
  NO_SLOT,
  prepareQuery,
  queryBytes,
  SCAN_SCRATCH_BYTES,
  scanRequest,
  searchExact,
  topkBytes,
} from '@vexfs/fuse/engine';
import { allocateMemory, freeMemory, memoryAt } from '@vexfs/fuse/system';
import { ElementType, NO_ID, SearchType } from '@vexfs/shared';
import test from 'ava';
import { distance, randomSource } from './reference.js';

const wordAt = (address: number): bigint => memoryAt(address, 8).view.getBigUint64(0, true);
const EINTR = -4;
const EEXIST = -17;
const EINVAL = -22;
const EUCLEAN = -117;

test('a search over an id table finds live rows by distance, then id, and stops when it is interrupted', (t) => {
  const dims = 6;
  const slots = 500;
  const k = 20;
  const memory = allocateMemory(256 * 1024);
  const { view, address } = memory;
  const at = { query: 0, values: 512, scan: 1024, word: 1536, topk: 2048, out: 8192, ids: 16384 };
  const slotsOut = 24576;
  const scratch = 32768;
  const rows = 65536;
  t.true(queryBytes(dims) <= at.values && topkBytes(k) <= at.out - at.topk);
  t.is(SCAN_SCRATCH_BYTES, 8192);
  const random = randomSource(5);
  const table = new IdTable(123n);
  const query = Float32Array.from({ length: dims }, () => Math.floor(random() * 3));
  query.forEach((value, i) => {
    view.setFloat32(at.values + 4 * i, value, true);
  });
  const expected: { id: bigint; slot: number; distance: number }[] = [];
  for (let slot = 0; slot < slots; slot++) {
    const row = Float32Array.from({ length: dims }, () => Math.floor(random() * 3));
    row.forEach((value, i) => {
      view.setFloat32(rows + (slot * dims + i) * 4, value, true);
    });
    if (slot % 7 === 3) continue;
    const id = BigInt((slot * 7919) % 5000) << 40n;
    t.is(table.put(slot, id), 0);
    expected.push({ id, slot, distance: distance(SearchType.EUCLIDEAN, query, row)! });
  }
  expected.sort((a, b) => a.distance - b.distance || (a.id < b.id ? -1 : 1));
  const arrays = table.info();
  const scan = at.scan;
  scanRequest.rows.set(view, scan, address + rows);
  scanRequest.stride.set(view, scan, dims * 4);
  scanRequest.ids.set(view, scan, arrays.ids);
  scanRequest.live.set(view, scan, arrays.live);
  scanRequest.interrupt.set(view, scan, address + at.word);
  scanRequest.scratch.set(view, scan, address + scratch);
  scanRequest.first.set(view, scan, 0);
  scanRequest.n.set(view, scan, arrays.slots);
  t.is(
    prepareQuery(bestCpu, address, SearchType.EUCLIDEAN, ElementType.FLOAT32, dims, address + at.values),
    0,
  );
  const search = () =>
    searchExact(
      bestCpu,
      address,
      address + scan,
      k,
      address + at.topk,
      address + at.out,
      address + at.ids,
      address + slotsOut,
    );
  t.is(search(), k);
  for (let i = 0; i < k; i++) {
    const hit = {
      id: view.getBigUint64(at.ids + 8 * i, true),
      slot: view.getUint32(slotsOut + 4 * i, true),
      distance: view.getFloat32(at.out + 4 * i, true),
    };
    t.deepEqual(hit, expected[i], `hit ${i}`);
  }
  view.setUint32(at.word, 1, true);
  t.is(search(), EINTR);
  table.destroy();
  freeMemory(memory);
});

test('an id table refuses what would contradict it and answers batches', (t) => {
  const memory = allocateMemory(65536);
  const { view, address } = memory;
  const table = new IdTable(9n);
  const ids = (values: bigint[]) =>
    values.forEach((id, i) => {
      view.setBigUint64(8 * i, id, true);
    });
  const slots = (values: number[]) =>
    values.forEach((slot, i) => {
      view.setUint32(1024 + 4 * i, slot, true);
    });
  t.is(table.info().ids, 0);
  t.is(table.putRange(0, 100n, 10), 0);
  t.is(table.put(0, 5), EEXIST);
  t.is(table.put(10, 109), EEXIST);
  t.is(table.put(10, NO_ID), EINVAL);
  ids([7n, 2n ** 63n, 8n]);
  slots([20, 21, 5]);
  t.is(table.putBatch(address + 1024, address, 3), EEXIST);
  t.is(table.info().rows, 10);
  slots([20, 21, 22]);
  t.is(table.putBatch(address + 1024, address, 3), 0);
  t.is(table.info().idBound, 2n ** 63n + 1n);
  ids([2n ** 63n, 105n, 4n]);
  t.is(table.findBatch(address, 3, address + 2048), 2);
  t.deepEqual(
    [0, 1, 2].map((i) => view.getUint32(2048 + 4 * i, true)),
    [21, 5, NO_SLOT],
  );
  t.is(table.firstExisting(address + 16, 1), 1);
  t.is(table.firstExistingRange(90n, 20), 10);
  t.is(table.nextFree(0), 10);
  t.is(table.freeSlots(0, address + 2048, 100), 10);
  slots([3, 3]);
  t.is(table.deleteSlots(address + 1024, 2), EUCLEAN);
  t.is(table.deleteSlots(address + 1024, 1), 0);
  t.is(table.nextFree(0), 3);
  t.is(table.liveEnd(), 23);
  const live = 0b11100000000001111110111n;
  const [before, shared] = [table.takeLive(), table.takeLive()];
  t.is(shared.address, before.address);
  t.is(wordAt(before.address), live);
  t.is(table.truncate(8), 0);
  const after = table.takeLive();
  t.is(wordAt(before.address), live);
  t.is(wordAt(after.address), 0b11110111n);
  for (const copy of [before, shared, after]) table.giveLive(copy);
  const again = table.takeLive();
  t.is(again.address, after.address);
  t.is(wordAt(again.address), 0b11110111n);
  table.giveLive(again);
  t.is(table.info().slots, 8);
  t.is(table.info().rows, 7);
  ids([1n, 2n, 3n, 2n]);
  t.true(duplicateScratchBytes(4) <= 4096);
  t.is(table.findDuplicate(address, 4, address + 8192), 3);
  t.is(table.findDuplicate(address, 3, address + 8192), 3);
  table.destroy();
  freeMemory(memory);
});

test('arrays replaced by growth stay readable until their epoch is over', (t) => {
  const table = new IdTable(1n);
  t.is(table.putRange(0, 0, 64), 0);
  table.setEpoch(3);
  t.is(table.putRange(64, 64, 100_000), 0);
  t.true(table.info().retiredBytes > 0);
  table.reclaim(3);
  t.true(table.info().retiredBytes > 0);
  table.reclaim(4);
  t.is(table.info().retiredBytes, 0);
  t.is(table.reserve(1_000_000, 1_000_000), 0);
  t.true(table.info().slotCapacity >= 1_000_000);
  table.destroy();
});

test('worker threads use the engine on the memory of another thread', async (t) => {
  const memory = allocateMemory(4096);
  memory.bytes.set(Buffer.from('123456789'));
  const engine = import.meta.resolve('@vexfs/fuse/engine');
  const code = `const { parentPort, workerData } = require('node:worker_threads');
    import(workerData.engine).then(({ crc32cAt, enginePath }) =>
      parentPort.postMessage({ sum: crc32cAt(0xffffffff, workerData.address, 9), enginePath }));`;
  const worker = new Worker(code, { eval: true, workerData: { engine, address: memory.address } });
  const answer = await new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
  await worker.terminate();
  t.deepEqual(answer, { sum: 0x1cf9_6d7c, enginePath });
  freeMemory(memory);
});
