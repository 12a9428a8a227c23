/** ioctl(2) with two things wrong at once: which errno comes follows from the order in which docs/api.md checks them. */
import { constants } from 'node:fs';
import { MAX_K, MAX_ROWS_PER_CALL } from '@vexfs/shared';
import { NULL, WILD } from '../../parity/client/caller_memory.js';
import { type Batch, insert, type Query, search } from '../../parity/client/vector_calls.js';
import type { Operation } from './operation.js';
import type { Player } from './player.js';

/** A call before it is made. */
interface Call<T> {
  flags: number;
  /** Whether it goes to a file without rows. */
  isPlain: boolean;
  values: Float32Array;
  request: T;
}

/** Something wrong, and what it is answered with. They stand in the order of the checks; two of a field cannot be combined. */
interface Defect<T> {
  readonly field: string;
  readonly errno: string;
  readonly plant: (call: Call<T>) => void;
}

type Open<T> = { -readonly [K in keyof T]: T[K] };
type InsertCall = Call<Open<Batch>>;
type SearchCall = Call<Open<Query>>;

const INSERT: ReadonlyArray<Defect<Open<Batch>>> = [
  { field: 'mode', errno: 'EBADF', plant: (call) => (call.flags = constants.O_RDONLY) },
  { field: 'file', errno: 'ENODATA', plant: (call) => (call.isPlain = true) },
  { field: 'dimensions', errno: 'EINVAL', plant: ({ request }) => (request.dimensions += 1) },
  { field: 'flags', errno: 'EINVAL', plant: ({ request }) => (request.flags = 3) },
  { field: 'flags', errno: 'EINVAL', plant: ({ request }) => (request.flags = 8) },
  { field: 'count', errno: 'EINVAL', plant: ({ request }) => (request.count = 0) },
  { field: 'count', errno: 'E2BIG', plant: ({ request }) => (request.count = MAX_ROWS_PER_CALL + 1) },
  { field: 'vectors', errno: 'EFAULT', plant: ({ request }) => (request.vectorsAddress = NULL) },
  { field: 'vectors', errno: 'EFAULT', plant: ({ request }) => (request.vectorsAddress = WILD) },
  { field: 'ids', errno: 'EFAULT', plant: ({ request }) => (request.idsAddress = WILD) },
  { field: 'values', errno: 'EINVAL', plant: ({ values }) => values.fill(Number.NaN, 0, 1) },
  { field: 'values', errno: 'EINVAL', plant: ({ values }) => values.fill(Number.POSITIVE_INFINITY, 0, 1) },
  { field: 'ids', errno: 'EINVAL', plant: ({ request }) => (request.ids = [9n, 9n]) },
  { field: 'ids', errno: 'EINVAL', plant: ({ request }) => (request.ids = [9n, 2n ** 64n - 1n]) },
];

const SEARCH: ReadonlyArray<Defect<Open<Query>>> = [
  { field: 'mode', errno: 'EBADF', plant: (call) => (call.flags = constants.O_WRONLY) },
  { field: 'file', errno: 'ENODATA', plant: (call) => (call.isPlain = true) },
  {
    field: 'dimensions',
    errno: 'EINVAL',
    plant: (call) => (call.request.dimensions = call.values.length + 1),
  },
  { field: 'type', errno: 'EINVAL', plant: ({ request }) => (request.type = 3) },
  { field: 'k', errno: 'EINVAL', plant: ({ request }) => (request.k = 0) },
  { field: 'k', errno: 'E2BIG', plant: ({ request }) => (request.k = MAX_K + 1) },
  { field: 'query', errno: 'EFAULT', plant: ({ request }) => (request.queryAddress = NULL) },
  { field: 'query', errno: 'EFAULT', plant: ({ request }) => (request.queryAddress = WILD) },
  { field: 'results', errno: 'EFAULT', plant: ({ request }) => (request.resultsAddress = NULL) },
  { field: 'ids', errno: 'EFAULT', plant: ({ request }) => (request.idsAddress = NULL) },
  { field: 'values', errno: 'EINVAL', plant: ({ values }) => values.fill(Number.NaN, 0, 1) },
];

export class WildCalls {
  private readonly player: Player;

  constructor(player: Player) {
    this.player = player;
  }

  /** Plants one or two defects; returns the errno of the one that is looked for first. */
  private plant<T>(defects: ReadonlyArray<Defect<T>>, call: Call<T>, { b, c }: Operation): string {
    const first = b % defects.length;
    const second = c % defects.length;
    const both =
      defects[first]!.field === defects[second]!.field ? [first] : [first, second].sort((x, y) => x - y);
    for (const index of both) defects[index]!.plant(call);
    return defects[both[0]!]!.errno;
  }

  /** A file with rows, and the one that a call goes to. */
  private files({ a }: Operation) {
    const vectors = this.player.choose(a, ({ rows }) => rows !== undefined);
    const plain = this.player.choose(a, ({ kind, rows }) => kind === 'file' && rows === undefined);
    return vectors === undefined || plain === undefined ? undefined : { vectors, plain };
  }

  insert(operation: Operation): void {
    const files = this.files(operation);
    if (files === undefined) return;
    const { dimensions } = files.vectors.node.rows!.layout;
    const values = new Float32Array(dimensions * 2).fill(1);
    const request = { dimensions, flags: 0, count: 2, ids: [1n, 2n] };
    const call: InsertCall = { flags: constants.O_RDWR, isPlain: false, values, request };
    const wanted = this.plant(INSERT, call, operation);
    const { path } = call.isPlain ? files.plain : files.vectors;
    const outcome = this.player.withFile(path, call.flags, (fd) => insert(fd, call.values, call.request));
    this.player.expect(`BATCH_INSERT with ${describe(call)}`, outcome, wanted);
  }

  search(operation: Operation): void {
    const files = this.files(operation);
    if (files === undefined) return;
    const { dimensions } = files.vectors.node.rows!.layout;
    const values = new Float32Array(dimensions).fill(1);
    const call: SearchCall = { flags: constants.O_RDWR, isPlain: false, values, request: { k: 2 } };
    const wanted = this.plant(SEARCH, call, operation);
    const { path } = call.isPlain ? files.plain : files.vectors;
    const found = this.player.withFile(path, call.flags, (fd) => search(fd, call.values, call.request));
    this.player.expect(`VECTOR_SEARCH with ${describe(call)}`, found.outcome, wanted);
  }
}

function describe(call: Call<object>): string {
  const text = JSON.stringify(call.request, (_, value) =>
    typeof value === 'bigint' ? String(value) : value,
  );
  return `${text}, flags ${call.flags}, ${call.isPlain ? 'no rows' : 'rows'}, values ${call.values.slice(0, 2)}`;
}
