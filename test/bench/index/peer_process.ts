/**
 * Builds one peer's index over a set in a process of its own, searches it with each breadth of the search in turn and says how
 * long that took: node peer_process.js FOLDER, with a PeerTask as task.json in FOLDER. Each line of its output is a PeerRun.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const PEERS = ['hnswlib-node', 'usearch f32', 'usearch bf16', 'sqlite-vec'] as const;
export type PeerName = (typeof PEERS)[number];

/** What a peer does. The folder also holds base.f32 and queries.f32: float32, row-major. */
export interface PeerTask {
  readonly peer: PeerName;
  readonly cosine: boolean;
  readonly dimensions: number;
  readonly k: number;
  readonly m: number;
  readonly efConstruction: number;
  readonly efs: readonly number[];
  readonly rounds: number;
}

export interface PeerRun {
  /** 0 where there is no such parameter. */
  readonly ef: number;
  /** CPU time of a query on one thread, median of the rounds. */
  readonly seconds: number;
  /** A file in the folder: u32 row numbers, k a query, of the first `queries` of the set. */
  readonly hits: string;
  readonly queries: number;
  readonly buildSeconds: number;
}

/** Searches for `queries` at once; returns the row numbers, k a query. */
type Search = (queries: Float32Array) => Uint32Array;

interface Peer {
  readonly queries: number;
  /** What the library wants to be given, made before time is taken. */
  at(ef: number): Search;
}

/** The packages stand beside their own lock file, so that nothing else depends on them. */
const load = createRequire(
  fileURLToPath(new URL('../../../bench/index/peers/package.json', import.meta.url)),
);
/** Exact search takes milliseconds: fewer queries do. */
const EXACT_QUERIES = 100;

function readFloats(path: string): Float32Array {
  const bytes = readFileSync(path);
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
}

function openHnswlib(task: PeerTask, base: Float32Array, queries: Float32Array): Peer {
  interface Graph {
    initIndex(rows: number, m: number, efConstruction: number): void;
    addPoint(row: number[], label: number): void;
    setEf(ef: number): void;
    searchKnn(query: number[], k: number): { neighbors: number[] };
  }
  const { HierarchicalNSW } = load('hnswlib-node') as {
    HierarchicalNSW: new (space: string, dimensions: number) => Graph;
  };
  const { dimensions, k } = task;
  const row = (values: Float32Array, i: number): number[] =>
    Array.from(values.subarray(i * dimensions, (i + 1) * dimensions));
  const rows = base.length / dimensions;
  const graph = new HierarchicalNSW(task.cosine ? 'cosine' : 'l2', dimensions);
  graph.initIndex(rows, task.m, task.efConstruction);
  for (let i = 0; i < rows; i++) graph.addPoint(row(base, i), i);
  // It takes arrays of numbers only; making them is not counted.
  const plain = Array.from({ length: queries.length / dimensions }, (_, i) => row(queries, i));
  return {
    queries: plain.length,
    at(ef) {
      graph.setEf(ef);
      return () => {
        const hits = new Uint32Array(plain.length * k);
        plain.forEach((query, i) => {
          hits.set(graph.searchKnn(query, k).neighbors, i * k);
        });
        return hits;
      };
    },
  };
}

function openUsearch(
  task: PeerTask,
  folder: string,
  base: Float32Array,
  queries: Float32Array,
  quantization: string,
): Peer {
  interface Graph {
    add(keys: BigUint64Array, rows: Float32Array, threads: number): void;
    search(queries: Float32Array, k: number, threads: number): { keys: BigUint64Array };
    save(path: string): void;
    load(path: string): void;
  }
  const { Index } = load('usearch') as { Index: new (options: Record<string, unknown>) => Graph };
  const make = (expansion_search: number): Graph =>
    new Index({
      metric: task.cosine ? 'cos' : 'l2sq',
      quantization,
      dimensions: task.dimensions,
      connectivity: task.m,
      expansion_add: task.efConstruction,
      expansion_search,
    });
  const rows = base.length / task.dimensions;
  const built = make(task.k);
  built.add(
    BigUint64Array.from({ length: rows }, (_, i) => BigInt(i)),
    base,
    1,
  );
  const path = join(folder, 'usearch.index');
  built.save(path);
  return {
    queries: queries.length / task.dimensions,
    at(ef) {
      // The breadth of the search is fixed when an index is made.
      const graph = make(ef);
      graph.load(path);
      return (wanted) => Uint32Array.from(graph.search(wanted, task.k, 1).keys, Number);
    },
  };
}

function openSqliteVec(task: PeerTask, base: Float32Array, queries: Float32Array): Peer {
  interface Statement {
    run(...values: unknown[]): unknown;
    all(...values: unknown[]): { rowid: number }[];
  }
  interface Database {
    prepare(text: string): Statement;
    exec(text: string): void;
  }
  const Connection = load('better-sqlite3') as new (path: string) => Database;
  const extension = load('sqlite-vec') as { load(database: Database): void };
  const { dimensions, k } = task;
  const database = new Connection(':memory:');
  extension.load(database);
  const metric = task.cosine ? 'cosine' : 'L2';
  database.exec(
    `create virtual table rows using vec0(embedding float[${dimensions}] distance_metric=${metric})`,
  );
  const bytes = (values: Float32Array, i: number): Uint8Array =>
    new Uint8Array(values.buffer, values.byteOffset + i * dimensions * 4, dimensions * 4);
  const insert = database.prepare('insert into rows(rowid, embedding) values (?, ?)');
  database.exec('begin');
  for (let i = 0; i < base.length / dimensions; i++) insert.run(BigInt(i), bytes(base, i));
  database.exec('commit');
  const select = database.prepare('select rowid from rows where embedding match ? and k = ?');
  const count = Math.min(EXACT_QUERIES, queries.length / dimensions);
  return {
    queries: count,
    at: () => () => {
      const hits = new Uint32Array(count * k);
      for (let i = 0; i < count; i++) {
        select.all(bytes(queries, i), k).forEach(({ rowid }, j) => {
          hits[i * k + j] = rowid;
        });
      }
      return hits;
    },
  };
}

function open(task: PeerTask, folder: string, base: Float32Array, queries: Float32Array): Peer {
  switch (task.peer) {
    case 'hnswlib-node':
      return openHnswlib(task, base, queries);
    case 'usearch f32':
      return openUsearch(task, folder, base, queries, 'f32');
    case 'usearch bf16':
      return openUsearch(task, folder, base, queries, 'bf16');
    case 'sqlite-vec':
      return openSqliteVec(task, base, queries);
  }
}

/** CPU time of this process since `since`: all of it, so a library that starts threads gains nothing. */
function cpuSeconds(since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1e6;
}

function main(folder: string): void {
  const task = JSON.parse(readFileSync(join(folder, 'task.json'), 'utf8')) as PeerTask;
  const queries = readFloats(join(folder, 'queries.f32'));
  let since = process.cpuUsage();
  const peer = open(task, folder, readFloats(join(folder, 'base.f32')), queries);
  const buildSeconds = cpuSeconds(since);
  for (const ef of task.peer === 'sqlite-vec' ? [0] : task.efs) {
    const search = peer.at(ef);
    let hits = search(queries);
    const seconds: number[] = [];
    for (let round = 0; round < task.rounds; round++) {
      since = process.cpuUsage();
      hits = search(queries);
      seconds.push(cpuSeconds(since) / peer.queries);
    }
    const name = `hits-${ef}.u32`;
    writeFileSync(join(folder, name), new Uint8Array(hits.buffer, hits.byteOffset, hits.byteLength));
    seconds.sort((a, b) => a - b);
    const run: PeerRun = {
      ef,
      seconds: seconds[seconds.length >> 1]!,
      hits: name,
      queries: peer.queries,
      buildSeconds,
    };
    console.log(JSON.stringify(run));
  }
}

const folder = process.argv[2];
if (folder !== undefined && process.argv[1] === fileURLToPath(import.meta.url)) main(folder);
