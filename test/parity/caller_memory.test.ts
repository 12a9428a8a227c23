import { closeSync, fsyncSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { runNode } from './backend/programs.js';
import { paritySuite } from './backend/suite.js';
import { PAGE, withMemory } from './client/caller_memory.js';
import { mapFile } from './client/mapping.js';
import { floatBytes } from './client/npy_file.js';
import { numberedRows, randomRows } from './client/stored_rows.js';
import {
  getEmbedding,
  getMeta,
  getStats,
  insert,
  nearestIds,
  rowOf,
  search,
  setMeta,
} from './client/vector_calls.js';

const { test, fresh, open, close, vectorFile, backend } = paritySuite({ size: '64M' });
const CALLER = fileURLToPath(new URL('./client/mapped_caller.js', import.meta.url));

/** Runs the caller with a time limit: a backend that waits for itself would never answer. */
function caller(...words: string[]): unknown {
  const { code, stdout, stderr } = runNode(CALLER, words, 20_000);
  if (code !== 0) throw new Error(`${words.join(' ')}: ${code ?? 'no answer within 20 s'} ${stderr}`);
  return JSON.parse(stdout);
}

function buffersFile(query: readonly number[]): string {
  const path = fresh('.buffers');
  const bytes = Buffer.alloc(262_144);
  floatBytes(query).copy(bytes);
  writeFileSync(path, bytes);
  return path;
}

for (const sharing of ['shared', 'private']) {
  for (const cold of [false, true]) {
    const state = cold ? 'not in the page cache' : 'cached';
    test(`a search works whose buffers lie in a ${sharing} mapping of a file on the mount, ${state}`, async (t) => {
      const { path, fd } = vectorFile({ dimensions: 2 }, [1, 1, 5, 5]);
      const buffers = buffersFile([4, 5]);
      close(fd);
      if (cold) await backend.remount();
      t.deepEqual(caller('search', path, buffers, '2', sharing), {
        outcome: 'ok',
        hits: [
          [1, 1],
          [0, 5],
        ],
      });
    });

    test(`an insert works whose buffers lie in a ${sharing} mapping of a file on the mount, ${state}`, async (t) => {
      const { path, fd } = vectorFile({ dimensions: 2 }, [1, 1]);
      const buffers = buffersFile([7, 8, 9, 10]);
      const writer = openSync(buffers, 'r+');
      const ids = Buffer.alloc(16);
      ids.writeBigUInt64LE(70n, 0);
      ids.writeBigUInt64LE(90n, 8);
      writeSync(writer, ids, 0, 16, 65_536);
      closeSync(writer);
      close(fd);
      if (cold) await backend.remount();
      t.deepEqual(caller('insert', path, buffers, '2', sharing), { outcome: 'ok' });
      t.deepEqual(nearestIds(open(path), [0, 0]), [0n, 70n, 90n]);
    });
  }

  test(`a search works whose query is a row of the file itself, in a ${sharing} mapping`, async (t) => {
    const bytes = 262_144;
    const rows = randomRows(bytes / 512, 128, 4);
    const { path, fd } = vectorFile({ dimensions: 128 }, rows);
    close(fd);
    await backend.remount();
    // Results land in rows of the same file: in its content when the mapping is shared.
    const { outcome, hits } = caller('search', path, path, '128', sharing) as {
      outcome: string;
      hits: number[][];
    };
    t.is(outcome, 'ok');
    t.deepEqual(hits[0], [0, 0]);
    t.is(hits.length, 10);
  });

  test(`an insert works whose rows are those of the file itself, in a ${sharing} mapping`, (t) => {
    const { fd } = vectorFile({ dimensions: 4 }, numberedRows(1000, 4));
    const mapping = mapFile(fd, 16_000, { isPrivate: sharing === 'private' });
    try {
      t.is(insert(fd, [], { dimensions: 4, count: 1000, vectorsAddress: mapping.address }), 'ok');
      t.is(getMeta(fd).vectorCount, 2000);
      t.deepEqual(rowOf(fd, 1999, 4), Float32Array.of(999, 999, 999, 999));
    } finally {
      mapping.unmap();
    }
  });
}

test('a mapped store that was not written back yet is what an insert from that mapping reads', (t) => {
  const { fd } = vectorFile({ dimensions: 2 });
  const path = buffersFile([1, 2]);
  const mapping = mapFile(open(path), 4096);
  try {
    mapping.view.setFloat32(0, 77, true);
    t.is(insert(fd, [], { dimensions: 2, count: 1, vectorsAddress: mapping.address }), 'ok');
    t.deepEqual(rowOf(fd, 0, 2), Float32Array.of(77, 2));
  } finally {
    mapping.unmap();
  }
});

test('results that a search puts into a shared mapping are in the file', (t) => {
  const { fd } = vectorFile({ dimensions: 1 }, [3, 4]);
  const path = buffersFile([0]);
  const target = open(path);
  const mapping = mapFile(target, 262_144);
  try {
    t.is(
      search(fd, [0], { k: 2, resultsAddress: mapping.address, idsAddress: mapping.address + 8 }).outcome,
      'ok',
    );
    fsyncSync(target);
    const bytes = readFileSync(path);
    t.deepEqual([bytes.readFloatLE(0), bytes.readFloatLE(4), Number(bytes.readBigUInt64LE(16))], [3, 4, 1]);
  } finally {
    mapping.unmap();
  }
});

for (const shift of [1, 3, 4, PAGE - 1, PAGE - 2, PAGE - 8]) {
  test(`buffers at ${shift} bytes past a page start work, aligned or not`, (t) => {
    const rows = randomRows(50, 33, shift);
    const ids = BigUint64Array.from({ length: 50 }, (_, i) => BigInt(1000 - i));
    withMemory((memory) => {
      const { fd } = vectorFile({ dimensions: 33 });
      const vectorsAddress = memory.place(rows, shift);
      const idsAddress = memory.place(ids, shift);
      t.is(insert(fd, [], { dimensions: 33, count: 50, vectorsAddress, idsAddress }), 'ok');
      const results = memory.room(PAGE * 2);
      const found = memory.room(PAGE * 2);
      const query = rows.subarray(33, 66);
      const { outcome, count } = search(fd, query, {
        k: 50,
        queryAddress: memory.place(query, shift),
        resultsAddress: results.address + shift,
        idsAddress: found.address + shift,
      });
      t.is(outcome, 'ok');
      t.is(count, 50);
      t.is(found.view.getBigUint64(shift, true), 999n);
      t.is(results.view.getFloat32(shift, true), 0);
      t.is(results.view.getUint8(shift + 200), 0, 'nothing is written behind the last distance');
      t.deepEqual([...getEmbedding(fd, { id: 999, room: 132 }).bytes], [...floatBytes(query)]);
    });
  });
}

test('buffers that end right before memory that is not there are read and written in full', (t) => {
  const { fd } = vectorFile({ dimensions: 5 });
  const rows = numberedRows(300, 5);
  withMemory((memory) => {
    t.is(insert(fd, [], { dimensions: 5, count: 300, vectorsAddress: memory.placeBeforeGap(rows) }), 'ok');
    const resultsAddress = memory.placeBeforeGap(new Float32Array(300));
    const idsAddress = memory.placeBeforeGap(new BigUint64Array(300));
    const queryAddress = memory.placeBeforeGap(new Float32Array(5));
    t.is(search(fd, new Float32Array(5), { k: 300, queryAddress, resultsAddress, idsAddress }).count, 300);
  });
});

test('buffers that reach into memory that is not there are EFAULT, and nothing is stored', (t) => {
  const { fd } = vectorFile({ dimensions: 5 }, numberedRows(4, 5));
  withMemory((memory) => {
    const rows = memory.placeBeforeGap(numberedRows(300, 5));
    const ids = memory.placeBeforeGap(BigUint64Array.from({ length: 300 }, (_, i) => BigInt(1000 + i)));
    t.is(insert(fd, [], { dimensions: 5, count: 301, vectorsAddress: rows }), 'EFAULT', 'rows');
    const more = memory.place(numberedRows(301, 5));
    t.is(
      insert(fd, [], { dimensions: 5, count: 301, vectorsAddress: more, idsAddress: ids }),
      'EFAULT',
      'ids',
    );
    const query = memory.placeBeforeGap(new Float32Array(4));
    t.is(search(fd, new Float32Array(5), { k: 1, queryAddress: query }).outcome, 'EFAULT', 'query');
    const results = memory.placeBeforeGap(new Float32Array(3));
    t.is(search(fd, new Float32Array(5), { k: 4, resultsAddress: results }).outcome, 'EFAULT', 'results');
    const found = memory.placeBeforeGap(new BigUint64Array(3));
    t.is(search(fd, new Float32Array(5), { k: 4, idsAddress: found }).outcome, 'EFAULT', 'result ids');
  });
  t.deepEqual([getStats(fd).stats.rows, getStats(fd).stats.next_id], [4, 4]);
});

test('buffers in pages that cannot be touched are EFAULT, results in pages that can only be read too', (t) => {
  const { fd } = vectorFile({ dimensions: 5 }, numberedRows(4, 5));
  withMemory((memory) => {
    const query = new Float32Array(5);
    t.is(insert(fd, [], { dimensions: 5, count: 1, vectorsAddress: memory.forbidden() }), 'EFAULT');
    t.is(insert(fd, query, { dimensions: 5, idsAddress: memory.forbidden() }), 'EFAULT');
    t.is(search(fd, query, { k: 1, queryAddress: memory.forbidden() }).outcome, 'EFAULT');
    for (const address of [memory.forbidden(), memory.readOnly()]) {
      t.is(search(fd, query, { k: 1, resultsAddress: address }).outcome, 'EFAULT');
      t.is(search(fd, query, { k: 1, idsAddress: address }).outcome, 'EFAULT');
      t.is(getEmbedding(fd, { id: 0, room: 20, data: address }).outcome, 'EFAULT');
    }
    t.is(
      insert(fd, [], { dimensions: 5, count: 1, vectorsAddress: memory.readOnly() }),
      'ok',
      'rows are only read',
    );
  });
  t.is(getStats(fd).stats.rows, 5);
});

test('addresses of the kernel are EFAULT', (t) => {
  const { fd } = vectorFile({ dimensions: 5 }, numberedRows(4, 5));
  for (const address of [-0x8000_0000_0000, -4096, 0x7fff_ffff_f000]) {
    t.is(
      insert(fd, [], { dimensions: 5, count: 1, vectorsAddress: address }),
      'EFAULT',
      `rows at ${address}`,
    );
    t.is(
      search(fd, new Float32Array(5), { k: 1, resultsAddress: address }).outcome,
      'EFAULT',
      `results at ${address}`,
    );
  }
});

test('a batch that spans thousands of pages is copied whole', (t) => {
  const rows = randomRows(20_000, 64, 6);
  const { path, fd } = vectorFile({ dimensions: 64 });
  withMemory((memory) => {
    t.is(insert(fd, [], { dimensions: 64, count: 20_000, vectorsAddress: memory.place(rows, 2) }), 'ok');
  });
  t.is(Buffer.compare(readFileSync(path), floatBytes(rows)), 0);
  t.is(setMeta(fd, { dimensions: 64 }), 'ok');
});
