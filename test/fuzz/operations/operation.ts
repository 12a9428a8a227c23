import fc from 'fast-check';

/** What can be done, and how often. */
const KINDS = {
  create: 6,
  makeDirectory: 4,
  makeSymlink: 2,
  makePipe: 1,
  link: 3,
  unlink: 4,
  removeDirectory: 2,
  rename: 6,
  write: 8,
  append: 4,
  read: 6,
  truncate: 4,
  allocate: 5,
  copy: 3,
  writeMapped: 3,
  readMapped: 2,
  setAttribute: 4,
  getAttribute: 2,
  removeAttribute: 2,
  list: 3,
  look: 4,
  followLink: 1,
  define: 5,
  insert: 12,
  search: 10,
  getRow: 5,
  stats: 3,
  cutRows: 3,
  writeRow: 4,
  appendRows: 3,
  addRow: 5,
  updateRow: 4,
  deleteRow: 3,
  getRows: 3,
  searchBatch: 3,
  deleteRows: 4,
  createIndex: 3,
  manageIndex: 5,
  wildInsert: 4,
  wildSearch: 4,
  synchronise: 3,
} as const;

/** Rare, because each takes long. */
const PAUSES = { remount: 1, crash: 2 } as const;

export type Kind = keyof typeof KINDS | keyof typeof PAUSES;

/** An operation; the numbers choose what it is done to, and how. Smaller ones are simpler. */
export interface Operation {
  readonly kind: Kind;
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly d: number;
}

const number = fc.nat({ max: 1_000_000 });

function of(kind: fc.Arbitrary<Kind>): fc.Arbitrary<Operation> {
  return fc.record({ kind, a: number, b: number, c: number, d: number });
}

function weighted(kinds: Readonly<Record<string, number>>): fc.Arbitrary<Kind> {
  return fc.oneof(
    ...Object.entries(kinds).map(([kind, weight]) => ({ weight, arbitrary: fc.constant(kind as Kind) })),
  );
}

/** Lists of operations; one in `pauseEvery` ends the mount in one way or the other. */
export function operations(most: number, pauseEvery: number): fc.Arbitrary<Operation[]> {
  const one = fc.oneof(
    { weight: pauseEvery - 1, arbitrary: of(weighted(KINDS)) },
    { weight: 1, arbitrary: of(weighted(PAUSES)) },
  );
  return fc.array(one, { minLength: 1, maxLength: most, size: 'max' });
}
