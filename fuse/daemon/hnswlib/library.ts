import { createRequire } from 'node:module';

/** What is used of hnswlib-node (its lib/index.d.ts). Labels are cut to 32 bits, rows are arrays of numbers. */
export interface Graph {
  initIndex(options: { maxElements: number; m: number; efConstruction: number; randomSeed: number }): void;
  resizeIndex(maxElements: number): void;
  addPoint(row: number[], label: number): void;
  markDelete(label: number): void;
  unmarkDelete(label: number): void;
  setEf(ef: number): void;
  searchKnn(query: number[], k: number): { neighbors: number[] };
}

export interface Library {
  readonly HierarchicalNSW: new (space: 'l2' | 'ip' | 'cosine', dimensions: number) => Graph;
}

/** The library, an optional dependency that is compiled when it is installed. Throws when it is not there or does not load. */
export function loadHnswlib(): Library {
  return createRequire(import.meta.url)('hnswlib-node') as Library;
}

/** The sentence that says why the library cannot be used; undefined when it can. */
export function hnswlibProblem(): string | undefined {
  try {
    loadHnswlib();
    return undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const reason = code === 'MODULE_NOT_FOUND' ? 'it is not installed' : `it does not load: ${error}`;
    return `engine=hnswlib needs the library hnswlib-node, and ${reason}; \`npm run setup\` compiles it where there is a C++ compiler`;
  }
}
