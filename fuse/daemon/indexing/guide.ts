import {
  INDEX_LEAST_ROWS,
  INDEX_MOST_BEHIND,
  INDEX_MOST_RESULTS,
  INDEX_NEVER,
  IndexType,
  type SearchType,
} from '@vexfs/shared';
import { automaticRows, type IndexDescription } from '../../volume/index.js';
import type { Filesystem } from '../filesystem.js';
import { Park } from '../park.js';
import type { VectorFile } from '../vector_file.js';
import type { FileIndex } from './file_index.js';

/** What an index is made of when nobody says otherwise. */
export const DEFAULT_INDEX: Omit<IndexDescription, 'metric'> = {
  type: IndexType.GRAPH,
  m: 16,
  efConstruction: 200,
  efSearch: 64,
};

/**
 * The index that a search can be answered by; undefined: every row is compared. Makes one where the file or the mount asks for
 * that. Throws Park while it is opened.
 */
export function guideOf(
  fs: Filesystem,
  file: VectorFile,
  metric: SearchType,
  k: number,
): FileIndex | undefined {
  const index = file.index ?? makeOne(fs, file, metric);
  if (index === undefined || index.error !== 0 || index.description.metric !== metric) return undefined;
  if (index.queue.rows > INDEX_MOST_BEHIND || k > INDEX_MOST_RESULTS) return undefined;
  if (index.handle === 0) {
    if (index.snapshot === undefined || fs.indexing.hasEnded) return undefined;
    fs.indexing.tend();
    throw new Park();
  }
  return index.facts.generation > 0 && index.facts.rows >= INDEX_LEAST_ROWS ? index : undefined;
}

/** A search on a file that has enough rows for an index by itself. */
function makeOne(fs: Filesystem, file: VectorFile, metric: SearchType): FileIndex | undefined {
  const own = automaticRows(file.set);
  const rows = own === 0 ? fs.indexing.options.automaticRows : own;
  if (rows === 0 || rows === INDEX_NEVER || file.set.liveRows < rows) return undefined;
  if (fs.readOnly || fs.commits.failed !== 0 || fs.indexing.hasEnded) return undefined;
  return fs.indexing.create(file, { ...DEFAULT_INDEX, metric });
}
