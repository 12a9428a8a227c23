/** Files of vectors, read as a stream of float32 rows. */
import { extname } from 'node:path';
import { openCsv } from './csv.js';
import { openVecs } from './fvecs.js';
import { openJsonl } from './jsonl.js';
import { openNpy } from './npy.js';
import { type ReadOptions, type RowSource, SourceError } from './source.js';

export { type IdSource, openIds, readAllIds } from './ids.js';
export { type ReadOptions, type RowBatch, type RowSource, SourceError } from './source.js';

type Open = (path: string, options: ReadOptions) => Promise<RowSource>;

const openers: Readonly<Record<string, Open>> = {
  '.npy': openNpy,
  '.fvecs': (path) => openVecs(path, '<f4'),
  '.bvecs': (path) => openVecs(path, '|u1'),
  '.csv': openCsv,
  '.jsonl': openJsonl,
};

/** Whether the ids of such a source can stand in the source itself. */
export function carriesIds(path: string): boolean {
  return ['.csv', '.jsonl'].includes(extname(path).toLowerCase());
}

/**
 * Opens a source by the ending of its name.
 * @throws SourceError when the format is unknown or the file malformed; an error of node:fs when it cannot be read
 */
export function openSource(path: string, options: ReadOptions = {}): Promise<RowSource> {
  const ending = extname(path).toLowerCase();
  const open = Object.hasOwn(openers, ending) ? openers[ending] : undefined;
  if (open === undefined) {
    const known = Object.keys(openers).join(' ');
    const what = ending === '' ? 'the name tells no format' : `'${ending}' is no known format`;
    return Promise.reject(new SourceError(path, `${what}; it must end in one of ${known}`));
  }
  return open(path, options);
}
