/** What programs import: vector files on a mounted VexFS volume, and the store of /dev/vss. */
export { VexfsError } from './error.js';
export type { IndexInfo, IndexOptions, IndexStateName, IndexTypeName } from './index_info.js';
export type { ElementName, FileInfo, Layout } from './layout.js';
export { type OpenOptions, openVectors } from './open.js';
export type { Ids, Rows } from './rows.js';
export type { FileStats } from './stats.js';
export {
  type Batch,
  type Hit,
  type InsertManyOptions,
  type InsertOptions,
  type Metric,
  type Row,
  type SearchOptions,
  type StoredRow,
  VectorFile,
} from './vector_file.js';
export { VssClient, type VssHit, type VssOpenOptions, type VssStats } from './vss.js';
