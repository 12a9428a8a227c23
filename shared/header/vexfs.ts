/** The text of kernel/include/uapi/vexfs.h. */
import {
  batchDelete,
  batchGet,
  batchInsertRequest,
  batchSearch,
  type Command,
  CommandNumber,
  CompressionType,
  commands,
  DeleteFlag,
  deleteEmbedding,
  ElementType,
  GetFlag,
  getEmbedding,
  IndexOperation,
  IndexState,
  IndexType,
  InsertFlag,
  IOC_READ,
  IOC_WRITE,
  inlineCommands,
  manageIndex,
  putEmbedding,
  SearchFlag,
  SearchType,
  StatsFlag,
  StorageFormat,
  VEXFS_MAGIC,
  vectorFileInfo,
  vectorSearchRequest,
  vexfsStats,
} from '../ioctl.js';
import {
  INDEX_LEAST_ROWS,
  INDEX_LEAST_UNSAVED,
  INDEX_MOST_BEHIND,
  INDEX_MOST_DELAY_MS,
  INDEX_MOST_RESULTS,
  INDEX_NEVER,
  MAX_ALIGNMENT_BYTES,
  MAX_BYTES_PER_CALL,
  MAX_DIMENSIONS,
  MAX_EMPTY_DATA_OFFSET,
  MAX_INLINE_BYTES,
  MAX_K,
  MAX_NAME_BYTES,
  MAX_RECALL_SAMPLE,
  MAX_ROWS_PER_CALL,
  MAX_ROWS_PER_FILE,
  NO_ID,
  PACK_LEAST_BYTES,
  PACK_LEAST_ROWS,
  PACK_LEAST_SHARE,
  PACK_MOST_BYTES,
  PACK_MOST_ROWS,
  RECALL_UNIT,
  RECALL_UNKNOWN,
} from '../limits.js';
import { comment, defines, headerText, structDefinition } from './source.js';

const structs = [
  vectorFileInfo,
  vectorSearchRequest,
  batchInsertRequest,
  getEmbedding,
  putEmbedding,
  deleteEmbedding,
  manageIndex,
  batchSearch,
  batchGet,
  batchDelete,
  vexfsStats,
];

const prefixed = (prefix: string, values: Readonly<Record<string, number>>): Record<string, number> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [`${prefix}${name}`, value]));

const limits = {
  VEXFS_MAX_DIMENSIONS: MAX_DIMENSIONS,
  VEXFS_MAX_ROWS_PER_CALL: MAX_ROWS_PER_CALL,
  VEXFS_MAX_BYTES_PER_CALL: MAX_BYTES_PER_CALL,
  VEXFS_MAX_K: MAX_K,
  VEXFS_MAX_ROWS_PER_FILE: MAX_ROWS_PER_FILE,
  VEXFS_MAX_EMPTY_DATA_OFFSET: MAX_EMPTY_DATA_OFFSET,
  VEXFS_MAX_ALIGNMENT_BYTES: MAX_ALIGNMENT_BYTES,
  VEXFS_MAX_INLINE_BYTES: MAX_INLINE_BYTES,
  VEXFS_MAX_NAME_BYTES: MAX_NAME_BYTES,
};

const indexLimits = {
  VEXFS_INDEX_LEAST_ROWS: INDEX_LEAST_ROWS,
  VEXFS_INDEX_MOST_BEHIND: INDEX_MOST_BEHIND,
  VEXFS_INDEX_MOST_DELAY_MS: INDEX_MOST_DELAY_MS,
  VEXFS_INDEX_MOST_RESULTS: INDEX_MOST_RESULTS,
  VEXFS_INDEX_LEAST_UNSAVED: INDEX_LEAST_UNSAVED,
  VEXFS_INDEX_NEVER: INDEX_NEVER,
  VEXFS_MAX_RECALL_SAMPLE: MAX_RECALL_SAMPLE,
  VEXFS_RECALL_UNIT: RECALL_UNIT,
  VEXFS_RECALL_UNKNOWN: RECALL_UNKNOWN,
};

const packingBounds = {
  VEXFS_PACK_LEAST_SHARE: PACK_LEAST_SHARE,
  VEXFS_PACK_LEAST_BYTES: PACK_LEAST_BYTES,
  VEXFS_PACK_MOST_ROWS: PACK_MOST_ROWS,
  VEXFS_PACK_MOST_BYTES: PACK_MOST_BYTES,
  VEXFS_PACK_LEAST_ROWS: PACK_LEAST_ROWS,
};

/** `_IOWR(magic, number, type)` for the direction of the command. */
export function commandMacro(magic: string, { direction, number, argument }: Command): string {
  const macro = direction === IOC_READ ? '_IOR' : direction === IOC_WRITE ? '_IOW' : '_IOWR';
  return `${macro}(${magic}, ${number < 16 ? number : `0x${number.toString(16)}`}, struct ${argument.$.name})`;
}

function commandDefinitions(): string {
  const lines: Record<string, string> = {};
  for (const [name, command] of Object.entries(commands)) {
    lines[`VEXFS_IOC_${name}`] = commandMacro('VEXFS_IOC_MAGIC', command);
  }
  for (const [name, command] of Object.entries(commands)) {
    if (command.number >= 0x10) lines[`VEXFS_IOCTL_${name}`] = `VEXFS_IOC_${name}`;
  }
  return defines(lines);
}

const inlineDefinitions = [
  comment(
    'The same with a vector of that many bytes, VEXFS_MAX_INLINE_BYTES at most, behind the structure in the argument.',
  ),
  ...inlineCommands.map((name) =>
    [
      `#define VEXFS_IOC_${name}_INLINE(bytes) \\`,
      `\t_IOC(_IOC_READ | _IOC_WRITE, VEXFS_IOC_MAGIC, VEXFS_NR_${name}, \\`,
      `\t     sizeof(struct ${commands[name].argument.$.name}) + (bytes))`,
    ].join('\n'),
  ),
].join('\n');

export function vexfsHeader(): string {
  return headerText({
    guard: '_UAPI_VEXFS_H',
    assertion: 'VEXFS_LAYOUT_ASSERT',
    includes: ['linux/ioctl.h', 'linux/types.h'],
    about:
      'The ioctl protocol of a mounted VexFS volume; docs/api.md says what every call means. Offsets are those of LP64 ' +
      'callers, the only ones there are. Reserved fields and unknown flags must be zero. After an error output is undefined and the volume unchanged.',
    parts: [
      `#define VEXFS_IOC_MAGIC '${VEXFS_MAGIC}'`,
      `${comment('Element types. BINARY packs eight components into a byte, the first one in its highest bit.')}\n${defines(prefixed('VEXFS_ELEMENT_', ElementType))}`,
      defines(prefixed('VEXFS_STORAGE_', StorageFormat)),
      defines(prefixed('VEXFS_COMPRESS_', CompressionType)),
      `${comment('Distances; the smaller, the nearer: root taken; 1 - cosine; minus the dot product.')}\n${defines(prefixed('VEXFS_SEARCH_', SearchType))}`,
      `${comment('Flags of BATCH_INSERT; OVERWRITE and APPEND exclude each other, VALIDATE alone stores nothing.')}\n${defines(prefixed('VEXFS_INSERT_', InsertFlag))}`,
      `${comment('MANAGE_INDEX: kinds of index (FLAT takes COSINE only), operations, states.')}\n${defines({
        ...prefixed('VEXFS_INDEX_TYPE_', IndexType),
        ...prefixed('VEXFS_INDEX_OP_', IndexOperation),
        ...prefixed('VEXFS_INDEX_STATE_', IndexState),
      })}`,
      `${comment('Flags of GET_STATS: the index is read through the page cache, because there is no memory for it.')}\n${defines(prefixed('VEXFS_STATS_', StatsFlag))}`,
      `${comment('Flags of DELETE_EMBEDDING and BATCH_DELETE: pass over ids that no row has.')}\n${defines(prefixed('VEXFS_DELETE_', DeleteFlag))}`,
      `${comment('Flags of BATCH_GET: zeros for ids that no row has.')}\n${defines(prefixed('VEXFS_GET_', GetFlag))}`,
      `${comment('Flags of BATCH_SEARCH: compare every row.')}\n${defines(prefixed('VEXFS_SEARCH_FLAG_', SearchFlag))}`,
      `${comment('What one call, one file and one name can hold.')}\n${defines(limits)}`,
      `${comment(
        'Rows below which no search goes by an index, rows that it may be behind while searches do, milliseconds that an insert waits at ' +
          'most for one that is further behind, results above which searches do not; changes ' +
          'below which no snapshot is written while more are coming; automatic_rows of a file that gets no index by itself.',
      )}\n${defines(indexLimits)}`,
      `${comment(
        'Space of deleted rows is given back when more than one slot in so many is free, and more than so many bytes; rows and bytes of one ' +
          'step at most, one row in any case; so few rows for whose records there is no space end it.',
      )}\n${defines(packingBounds)}`,
      `${comment('The one 64-bit number that is no id.')}\n${defines({ VEXFS_NO_ID: NO_ID }, true)}`,
      `${comment('Numbers of the commands; those without a structure below are reserved.')}\n${defines(prefixed('VEXFS_NR_', CommandNumber), true)}`,
      structDefinition(
        vectorFileInfo,
        { endian: 'host' },
        {
          about: 'SET_VECTOR_META and GET_VECTOR_META',
          fields: {
            dimensions: '1 to VEXFS_MAX_DIMENSIONS',
            element_type: 'VEXFS_ELEMENT_*',
            vector_count: 'live rows, saturating; ignored by SET',
            storage_format: 'VEXFS_STORAGE_*',
            data_offset: 'byte of slot 0, a multiple of the element size',
            index_offset: '0; ignored by SET',
            compression_type: 'VEXFS_COMPRESS_*',
            alignment_bytes: 'rows are padded to it: 0 or a power of two',
          },
        },
      ),
      structDefinition(
        vectorSearchRequest,
        { endian: 'host' },
        {
          about: 'VECTOR_SEARCH',
          fields: {
            query_vector: 'in: dimensions elements',
            k: 'room in results and result_ids, 1 to VEXFS_MAX_K',
            search_type: 'VEXFS_SEARCH_*',
            results: 'out: distances, nearest first',
            result_ids: 'out: the ids of the same rows',
            result_count: 'out: how many there are',
          },
        },
      ),
      structDefinition(
        batchInsertRequest,
        { endian: 'host' },
        {
          about: 'BATCH_INSERT',
          fields: {
            vectors: 'in: vector_count * dimensions elements, row after row',
            vector_ids: 'in: an id for each row, or NULL: the next free ones',
            flags: 'VEXFS_INSERT_*',
          },
        },
      ),
      structDefinition(
        getEmbedding,
        { endian: 'host' },
        {
          about:
            'GET_EMBEDDING. With data 0 the vector follows the structure in the argument: see VEXFS_IOC_GET_EMBEDDING_INLINE.',
          fields: {
            id: 'in',
            data: 'in: address of the buffer, 0 for inline',
            data_size: 'in: room in bytes, 0 asks for the size only; out: bytes of the vector',
            element_type: 'in: wanted, 0 as stored; out: delivered',
            dimensions: 'out',
            flags: '0',
            slot: 'out',
            reserved: '0',
          },
        },
      ),
      structDefinition(
        putEmbedding,
        { endian: 'host' },
        {
          about:
            'ADD_EMBEDDING and UPDATE_EMBEDDING. With data 0 the vector follows the structure in the argument: see VEXFS_IOC_ADD_EMBEDDING_INLINE.',
          fields: {
            id: 'in; ADD: VEXFS_NO_ID for the next one; out: of the row',
            data: 'in: address of the vector, 0 for inline',
            data_size: 'in: bytes of the vector',
            element_type: 'in: of the vector, 0 as stored',
            dimensions: 'in: those of the file',
            flags: '0',
            slot: 'out',
            reserved: '0',
          },
        },
      ),
      structDefinition(
        deleteEmbedding,
        { endian: 'host' },
        { about: 'DELETE_EMBEDDING', fields: { id: 'in', flags: 'VEXFS_DELETE_*', reserved: '0' } },
      ),
      structDefinition(
        batchDelete,
        { endian: 'host' },
        {
          about: 'BATCH_DELETE: all rows go, or none does.',
          fields: {
            ids: 'in: address of count 64-bit ids',
            count: '1 to VEXFS_MAX_ROWS_PER_CALL',
            flags: 'VEXFS_DELETE_*',
            reserved: '0',
          },
        },
      ),
      structDefinition(
        manageIndex,
        { endian: 'host' },
        {
          about:
            'MANAGE_INDEX. CREATE reads type, metric, m, ef_construction, ef_search; TUNE ef_search and automatic_rows; INFO sample. What an operation does not read is 0 on entry; all is filled in on return.',
          fields: {
            operation: 'in: VEXFS_INDEX_OP_*',
            flags: '0',
            type: 'VEXFS_INDEX_TYPE_*, 0: none',
            metric: 'VEXFS_SEARCH_*',
            m: 'M; in: 0 is 16',
            ef_construction: 'in: 0 is 200',
            ef_search: 'candidates of a search; CREATE: 0 is 64',
            automatic_rows: 'rows that make an index; 0: as the mount says',
            sample: 'in: rows to measure recall with, 0: none',
            state: 'out: VEXFS_INDEX_STATE_*',
            error: 'out: errno that it rests for',
            levels: 'out',
            recall: 'out: in millionths, 2^32 - 1: not measured',
            reserved: '0',
            rows: 'out: live rows of the file',
            indexed_rows: 'out: rows taken',
            lag: 'out: changes that wait',
            memory_bytes: 'out',
            snapshot_bytes: 'out: of the snapshot on the volume',
            generation: 'out: of the codes',
            searches: 'out: answered by it since the mount',
            log_position: 'out: record * 2^32 + slots',
            snapshot_position: 'out: the same of the snapshot',
          },
        },
      ),
      structDefinition(
        batchSearch,
        { endian: 'host' },
        {
          about: 'BATCH_SEARCH: count queries in one call.',
          fields: {
            queries: 'in: address of count * dimensions floats',
            results: 'out: address of count * k floats',
            result_ids: 'out: address of count * k 64-bit ids',
            result_counts: 'out: address of count 32-bit counts',
            count: 'queries, 1 to VEXFS_MAX_ROWS_PER_CALL',
            k: 'of each query, 1 to VEXFS_MAX_K',
            search_type: 'VEXFS_SEARCH_*',
            ef: 'candidates, 0: as the index says',
            flags: 'VEXFS_SEARCH_FLAG_*',
            reserved: '0',
          },
        },
      ),
      structDefinition(
        batchGet,
        { endian: 'host' },
        {
          about: 'BATCH_GET: count rows in one call.',
          fields: {
            ids: 'in: address of count 64-bit ids',
            data: 'in: address of the buffer',
            data_size: 'in: room in bytes, 0: no vectors wanted; out: bytes of all vectors',
            found: 'in: address of count bytes, each 1 or 0: out; 0: not wanted',
            count: '1 to VEXFS_MAX_ROWS_PER_CALL',
            element_type: 'in: wanted, 0 as stored; out: delivered',
            dimensions: 'in: those of the file',
            flags: 'VEXFS_GET_*',
            reserved: '0',
          },
        },
      ),
      structDefinition(
        vexfsStats,
        { endian: 'host' },
        {
          about: 'GET_STATS: all out, all zero on entry. Counters run since the mount.',
          fields: {
            rows: 'live rows',
            slots: 'of the matrix, free ones included',
            next_id: 'the id that a row without one gets next',
            matrix_bytes: 'slots * stride',
            log_bytes: 'of the row log',
            rows_scanned: 'distances computed by searches',
            row_bytes: 'of one row, without padding',
            stride: 'bytes from slot to slot',
            flags: 'VEXFS_STATS_*',
            reserved: '0',
            indexed_rows: '0 while there is no index',
          },
        },
      ),
      commandDefinitions(),
      inlineDefinitions,
    ],
    structs,
  });
}
