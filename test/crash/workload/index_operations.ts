/** Deletions and calls on indexes, on a vector file at a path. Each throws an error whose code is the errno. */
import { IndexOperation, IndexType, SearchType } from '@vexfs/shared';
import { deleteRows } from '../../parity/client/delete_calls.js';
import { indexInfo, manage } from '../../parity/client/index_calls.js';
import type { Seeded } from '../../unit/volume/seeded.js';
import type { Plan } from './operations.js';
import { must, opened } from './rows.js';
import type { Tree } from './tree.js';

/** Indexes as a tree names them: type and metric; '' is none. */
export const COSINE_GRAPH = `${IndexType.GRAPH} ${SearchType.COSINE}`;
const INDEXES: readonly string[] = [
  COSINE_GRAPH,
  `${IndexType.GRAPH} ${SearchType.EUCLIDEAN}`,
  `${IndexType.FLAT} ${SearchType.COSINE}`,
];

export function indexName(type: number, metric: number): string {
  return type === 0 ? '' : `${type} ${metric}`;
}

function call(fd: number, operation: number, fields: Readonly<Record<string, number>> = {}): void {
  must('MANAGE_INDEX', () => manage(fd, operation, fields));
}

/** WAIT for what a call before has begun: that has been done, whatever the disk answers to the building. */
function waitFor(fd: number): void {
  const { outcome } = manage(fd, IndexOperation.WAIT);
  if (outcome === 'EINTR') waitFor(fd);
  else if (outcome !== 'ok' && outcome !== 'EIO') throw new Error(`WAIT: ${outcome}`);
}

/** CREATE, and WAIT: then its first snapshot is written too. */
export function buildIndex(path: string, name: string, waits = true): void {
  const [type, metric] = name.split(' ').map(Number) as [number, number];
  opened(path, (fd) => {
    call(fd, IndexOperation.CREATE, { type, metric, m: 4, ef_construction: 20 });
    if (waits) waitFor(fd);
  });
}

/** The index that a mounted file has. Throws when it does not come to have taken every row, or has a damaged snapshot. */
export function indexAt(path: string): string {
  return opened(path, (fd) => {
    const { type, metric } = indexInfo(fd);
    if (type !== 0) {
      call(fd, IndexOperation.VERIFY);
      call(fd, IndexOperation.WAIT);
      const { rows, indexed_rows } = indexInfo(fd);
      if (indexed_rows !== rows) throw new Error(`the index has ${indexed_rows} of ${rows} rows`);
    }
    return indexName(type!, metric!);
  });
}

function withIndex(tree: Tree): string[] {
  return tree.of('vectors').filter((path) => tree.at(path).index !== '');
}

function creating(tree: Tree, random: Seeded, waits: boolean): Plan {
  const path = random.of(tree.of('vectors').filter((one) => tree.at(one).index === ''));
  const index = random.of(INDEXES);
  return {
    text: `${waits ? 'build' : 'create'} the index ${index} of ${path}`,
    target: path,
    run: (folder) => buildIndex(`${folder}/${path}`, index, waits),
    apply: (changed) => changed.change(path, { index }),
  };
}

export const INDEX_PLANNERS: Readonly<Record<string, (tree: Tree, random: Seeded) => Plan>> = {
  'delete rows': (tree, random) => {
    const path = random.of(tree.of('vectors').filter((one) => tree.at(one).rows.size > 0));
    const ids = [...tree.at(path).rows.keys()];
    const chance = random.of([10, 50, 100]);
    const gone = new Set(ids.filter((_, i) => i === 0 || random.chance(chance)));
    return {
      text: `delete ${gone.size} of ${ids.length} rows of ${path}`,
      target: path,
      run: (folder) =>
        opened(`${folder}/${path}`, (fd) =>
          must('BATCH_DELETE', () => ({ outcome: deleteRows(fd, [...gone]) })),
        ),
      apply: (changed) => {
        const rows = new Map([...changed.at(path).rows].filter(([id]) => !gone.has(id)));
        changed.change(path, { rows });
      },
    };
  },
  'create index': (tree, random) => creating(tree, random, false),
  'build index': (tree, random) => creating(tree, random, true),
  'wait for index': (tree, random) => {
    const path = random.of(withIndex(tree));
    return {
      text: `wait for the index of ${path}`,
      target: path,
      run: (folder) => opened(`${folder}/${path}`, (fd) => call(fd, IndexOperation.WAIT)),
      apply: () => {},
    };
  },
  'rebuild index': (tree, random) => {
    const path = random.of(withIndex(tree));
    return {
      text: `rebuild the index of ${path}`,
      target: path,
      run: (folder) =>
        opened(`${folder}/${path}`, (fd) => {
          call(fd, IndexOperation.REBUILD);
          waitFor(fd);
        }),
      apply: () => {},
    };
  },
  'drop index': (tree, random) => {
    const path = random.of(withIndex(tree));
    return {
      text: `drop the index of ${path}`,
      target: path,
      run: (folder) => opened(`${folder}/${path}`, (fd) => call(fd, IndexOperation.DROP)),
      apply: (changed) => changed.change(path, { index: '' }),
    };
  },
};
