import { closeSync, openSync } from 'node:fs';
import { getMeta, insert, search, setMeta } from '../../parity/client/vector_calls.js';

/** All vector files of the workloads have this layout: packed float32 rows, each of one number again and again. */
export const DIMENSIONS = 8;
export const ROW_BYTES = DIMENSIONS * 4;
const OVERWRITE = 1;

/** The errno that a vector call has answered, as an exception of node:fs has it. */
class CallError extends Error {
  readonly code: string;
  constructor(call: string, code: string) {
    super(`${call}: ${code}`);
    this.code = code;
  }
}

/** Makes the call, again for as long as a signal ends it before it has changed anything. Throws CallError. */
export function must<T extends { readonly outcome: string }>(name: string, call: () => T): T {
  for (;;) {
    const result = call();
    if (result.outcome === 'ok') return result;
    if (result.outcome !== 'EINTR') throw new CallError(name, result.outcome);
  }
}

export function opened<T>(path: string, use: (fd: number) => T): T {
  const fd = openSync(path, 'r+');
  try {
    return use(fd);
  } finally {
    closeSync(fd);
  }
}

/** Makes a file a vector file. Throws an error whose code is the errno, as the others do. */
export function makeVectors(path: string): void {
  opened(path, (fd) => must('SET_VECTOR_META', () => ({ outcome: setMeta(fd, { dimensions: DIMENSIONS }) })));
}

export function holdsVectors(path: string): boolean {
  const fd = openSync(path, 'r');
  try {
    return getMeta(fd).outcome !== 'ENODATA';
  } finally {
    closeSync(fd);
  }
}

/** Inserts rows, or replaces those of the same ids. */
export function putRows(path: string, rows: ReadonlyMap<number, number>, overwrites: boolean): void {
  const floats = new Float32Array(rows.size * DIMENSIONS);
  [...rows.values()].forEach((value, i) => {
    floats.fill(value, i * DIMENSIONS, (i + 1) * DIMENSIONS);
  });
  const batch = { dimensions: DIMENSIONS, ids: [...rows.keys()], flags: overwrites ? OVERWRITE : 0 };
  opened(path, (fd) => must('BATCH_INSERT', () => ({ outcome: insert(fd, floats, batch) })));
}

/** The rows that a search of all finds: by id the number that they consist of. */
export function foundRows(path: string): Map<number, number> {
  return opened(path, (fd) => {
    const { hits } = must('VECTOR_SEARCH', () => search(fd, new Float32Array(DIMENSIONS), { k: 10_000 }));
    return new Map(
      hits.map(({ id, distance }) => [Number(id), Math.round(distance / Math.sqrt(DIMENSIONS))]),
    );
  });
}
