/**
 * hnswlib-node in a process of its own, as a program would call it: node hnswlib_process.js BASE QUERIES DIMENSIONS, both files
 * of packed float32. It builds with M 16 and ef_construction 200; then each line of its input is a command:
 *
 *   recall EF FILE      -> recall@10 against the u32 row numbers in FILE, ten a query
 *   search EF PASSES    -> seconds of all queries, wall time
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

interface Graph {
  initIndex(rows: number, m: number, efConstruction: number): void;
  addPoint(row: number[], label: number): void;
  setEf(ef: number): void;
  searchKnn(query: number[], k: number): { neighbors: number[] };
}

const K = 10;
const load = createRequire(
  fileURLToPath(new URL('../../../bench/index/peers/package.json', import.meta.url)),
);

function rowsOf(path: string, dimensions: number): number[][] {
  const bytes = readFileSync(path);
  const values = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  return Array.from({ length: values.length / dimensions }, (_, i) =>
    Array.from(values.subarray(i * dimensions, (i + 1) * dimensions)),
  );
}

const [base, queryFile, columns] = process.argv.slice(2) as [string, string, string];
const dimensions = Number(columns);
const { HierarchicalNSW } = load('hnswlib-node') as {
  HierarchicalNSW: new (space: string, dimensions: number) => Graph;
};
const graph = new HierarchicalNSW('l2', dimensions);
const rows = rowsOf(base, dimensions);
graph.initIndex(rows.length, 16, 200);
for (const [i, row] of rows.entries()) graph.addPoint(row, i);
// It takes arrays of numbers only; making them is not counted.
const queries = rowsOf(queryFile, dimensions);

function recall(truth: Uint32Array): number {
  let found = 0;
  for (const [i, query] of queries.entries()) {
    const nearest = new Set(truth.subarray(i * K, (i + 1) * K));
    for (const label of graph.searchKnn(query, K).neighbors) if (nearest.has(label)) found += 1;
  }
  return found / (queries.length * K);
}

function search(passes: number): number {
  const start = performance.now();
  for (let pass = 0; pass < passes; pass++) for (const query of queries) graph.searchKnn(query, K);
  return (performance.now() - start) / 1000;
}

for await (const line of createInterface({ input: process.stdin })) {
  const [command, ef, word] = line.split(' ') as [string, string, string];
  graph.setEf(Number(ef));
  if (command === 'search') {
    console.log(search(Number(word)));
    continue;
  }
  const bytes = readFileSync(word);
  console.log(recall(new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4)));
}
