import { IndexState, IndexType, manageIndex, RECALL_UNIT, RECALL_UNKNOWN, SearchType } from '@vexfs/shared';
import type { Metric } from './vector_file.js';

/** What CREATE takes; what is left out gets the filesystem's default. */
export interface IndexOptions {
  /** `graph` when absent; `flat` is for cosine only. */
  readonly type?: IndexTypeName;
  /** `euclidean` when absent. */
  readonly metric?: Metric;
  /** M of the graph, 4 to 64. */
  readonly m?: number;
  /** Candidates that an insert looks at, 1 to 10000. */
  readonly efConstruction?: number;
  /** Candidates that a search looks at, 1 to 10000. */
  readonly efSearch?: number;
}

export type IndexTypeName = 'graph' | 'flat';
/**
 * `behind`: changes wait, searches compare those exactly; `resting`: it cannot go on, searches compare every row; `on volume`: there is
 * no memory for it, searches read its records from the page cache, and compare what changed since the snapshot exactly.
 */
export type IndexStateName = 'none' | 'behind' | 'ready' | 'resting' | 'on volume';

export const indexTypes: Readonly<Record<IndexTypeName, IndexType>> = {
  graph: IndexType.GRAPH,
  flat: IndexType.FLAT,
};

export const searchTypes: Readonly<Record<Metric, SearchType>> = {
  euclidean: SearchType.EUCLIDEAN,
  cosine: SearchType.COSINE,
  dot: SearchType.DOT_PRODUCT,
};

/** The number of a name in the protocol. @throws RangeError for a name that it does not have */
export function codeOf<Code extends number>(
  codes: Readonly<Record<string, Code>>,
  name: string,
  what: string,
): Code {
  const code = Object.hasOwn(codes, name) ? codes[name] : undefined;
  if (code === undefined)
    throw new RangeError(`${what} '${name}' is none of ${Object.keys(codes).join(', ')}`);
  return code;
}

const states: Readonly<Record<number, IndexStateName>> = {
  [IndexState.NONE]: 'none',
  [IndexState.BEHIND]: 'behind',
  [IndexState.READY]: 'ready',
  [IndexState.RESTING]: 'resting',
  [IndexState.ON_VOLUME]: 'on volume',
};

/** What MANAGE_INDEX tells. */
export interface IndexInfo {
  readonly state: IndexStateName;
  /** Undefined without an index, as is what follows to efSearch. */
  readonly type: IndexTypeName | undefined;
  readonly metric: Metric | undefined;
  readonly m: number;
  readonly efConstruction: number;
  readonly efSearch: number;
  /** The errno that it rests for, or is on the volume for; 0. */
  readonly error: number;
  /** Live rows of the file. */
  readonly rows: number;
  readonly indexedRows: number;
  /** Changes that wait. */
  readonly lag: number;
  readonly levels: number;
  readonly generation: number;
  readonly memoryBytes: number;
  /** Of its snapshot on the volume. */
  readonly snapshotBytes: number;
  /** That it has answered. */
  readonly searches: number;
  /** Of the ten nearest other rows, the share that it finds; undefined unless it was asked for. */
  readonly recall: number | undefined;
  /** Rows from which on a search makes an index; 0: as the mount says. */
  readonly automaticRows: number;
}

const nameOf = <Name extends string>(
  values: Readonly<Record<Name, number>>,
  value: number,
): Name | undefined => (Object.keys(values) as Name[]).find((name) => values[name] === value);

export function decodeIndexInfo(argument: Uint8Array): IndexInfo {
  const view = new DataView(argument.buffer, argument.byteOffset, argument.byteLength);
  const type = nameOf(indexTypes, manageIndex.type.get(view, 0));
  const recall = manageIndex.recall.get(view, 0);
  return {
    state: states[manageIndex.state.get(view, 0)] ?? 'none',
    type,
    metric: type === undefined ? undefined : nameOf(searchTypes, manageIndex.metric.get(view, 0)),
    m: manageIndex.m.get(view, 0),
    efConstruction: manageIndex.ef_construction.get(view, 0),
    efSearch: manageIndex.ef_search.get(view, 0),
    error: manageIndex.error.get(view, 0),
    rows: manageIndex.rows.get(view, 0),
    indexedRows: manageIndex.indexed_rows.get(view, 0),
    lag: manageIndex.lag.get(view, 0),
    levels: manageIndex.levels.get(view, 0),
    generation: manageIndex.generation.get(view, 0),
    memoryBytes: manageIndex.memory_bytes.get(view, 0),
    snapshotBytes: manageIndex.snapshot_bytes.get(view, 0),
    searches: manageIndex.searches.get(view, 0),
    recall: recall === RECALL_UNKNOWN ? undefined : recall / RECALL_UNIT,
    automaticRows: manageIndex.automatic_rows.get(view, 0),
  };
}
