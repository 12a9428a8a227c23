/** Damage to vector sets and their hidden inodes, planted by hand. */
import { LOG_RECORD_SIZE, logRecord, SET_HEADER_SIZE, setHeader } from '@vexfs/shared';
import type { Planted } from './planted.js';
import type { Tamper } from './tamper.js';

function header(t: Tamper, path: string, fields: Readonly<Record<string, number>>): void {
  const block = t.setBlock(t.inode(path));
  t.set(setHeader, block * t.blockSize, fields);
  t.sealBlock(block, 'set');
}

export const PLANTED_SETS: readonly Planted[] = [
  {
    what: 'a vector set that names an inode which is none of its own',
    plant: (t) => t.setInode(t.inode('documents/few.f32').number, { vector_set: 1 }),
    code: 'vector-set',
    affected: ['/documents/few.f32'],
  },
  {
    what: 'two files that name one vector set',
    plant: (t) =>
      t.setInode(t.inode('documents/few.f32').number, { vector_set: t.inode('rows.f32').vectorSet }),
    code: 'vector-set',
    affected: ['/documents/few.f32'],
  },
  {
    what: 'a set header of garbage',
    plant: (t) => {
      const at = t.setBlock(t.inode('rows.f32')) * 1024;
      t.image.bytes.fill(0x44, at, at + 512);
    },
    code: 'vector-set',
    affected: ['/rows.f32'],
  },
  {
    what: 'a set header with a wrong checksum',
    plant: (t) => t.byte(t.setBlock(t.inode('rows.f32')) * 1024 + 4),
    code: 'vector-set',
  },
  {
    what: 'a set that counts other slots than its file has',
    plant: (t) => header(t, 'rows.f32', { slots: 12 }),
    code: 'vector-set',
  },
  {
    what: 'a set that counts other rows than its log has',
    plant: (t) => header(t, 'rows.f32', { live_rows: 3 }),
    code: 'row-count',
    safe: true,
  },
  {
    what: 'a set that would give out an id again',
    plant: (t) => header(t, 'rows.f32', { next_id: 3 }),
    code: 'row-count',
    affected: ['/rows.f32'],
    safe: true,
  },
  {
    what: 'a set with an index that is none',
    plant: (t) => header(t, 'rows.f32', { graph_inode: 14 }),
    code: 'vector-index',
    safe: true,
  },
  {
    what: 'an index with parameters that no index has',
    plant: (t) => header(t, 'indexed.f32', { index_m: 65 }),
    code: 'vector-index',
    safe: true,
  },
  {
    what: 'a snapshot of a set without an index',
    plant: (t) => header(t, 'indexed.f32', { index_type: 0, index_metric: 0, index_m: 0 }),
    code: 'vector-index',
    safe: true,
  },
  {
    what: 'a snapshot of an index with other parameters',
    plant: (t) => header(t, 'indexed.f32', { index_m: 5 }),
    code: 'vector-index',
    safe: true,
  },
  {
    what: 'a snapshot of rows with other dimensions',
    plant: (t) => header(t, 'indexed.f32', { dimensions: 2, slots: 600 }),
    code: 'vector-index',
    safe: true,
    affected: ['/indexed.f32'],
  },
  {
    what: 'a snapshot that is longer than its inode',
    plant: (t) => header(t, 'indexed.f32', { graph_bytes: 1 << 20 }),
    code: 'vector-index',
    safe: true,
  },
  {
    what: 'a snapshot of another length than its header says',
    plant: (t) => header(t, 'indexed.f32', { graph_bytes: 8192 }),
    code: 'vector-index',
    safe: true,
  },
  {
    what: 'a snapshot of another place in the log than its header says',
    plant: (t) => header(t, 'indexed.f32', { graph_offset: 299 }),
    code: 'vector-index',
    safe: true,
  },
  {
    what: 'a snapshot that is ahead of its log',
    plant: (t) => {
      const block = t.setBlock(t.inode('indexed.f32'));
      t.set(logRecord, block * t.blockSize + SET_HEADER_SIZE, { count: 200 });
      header(t, 'indexed.f32', { live_rows: 200 });
    },
    code: 'vector-index',
    safe: true,
    affected: ['/indexed.f32'],
  },
  {
    what: 'a snapshot with a damaged header',
    plant: (t) => t.flipContent(t.graphInode(t.inode('indexed.f32')), 100),
    code: 'vector-index',
    safe: true,
  },
  {
    what: 'a snapshot with a damaged chunk',
    plant: (t) => t.flipContent(t.graphInode(t.inode('indexed.f32')), 4096 + 70_000),
    code: 'vector-index',
    safe: true,
  },
  {
    what: 'a snapshot with a damaged tail',
    plant: (t) => {
      const graph = t.graphInode(t.inode('indexed.f32'));
      t.flipContent(graph, graph.size - 4096);
    },
    code: 'vector-index',
    safe: true,
  },
  {
    what: 'a row log that puts a row where another is',
    plant: (t) => {
      const block = t.setBlock(t.inode('documents/few.f32'));
      t.set(logRecord, block * t.blockSize + SET_HEADER_SIZE + 4 * LOG_RECORD_SIZE, { slot: 3 });
      t.sealBlock(block, 'set');
    },
    code: 'row-log',
    affected: ['/documents/few.f32'],
  },
  {
    what: 'a row log that frees what no row is in',
    plant: (t) => {
      const block = t.setBlock(t.inode('documents/few.f32'));
      t.set(logRecord, block * t.blockSize + SET_HEADER_SIZE + 5 * LOG_RECORD_SIZE, { slot: 4 });
      t.sealBlock(block, 'set');
    },
    code: 'row-log',
    affected: ['/documents/few.f32'],
  },
  {
    what: 'a set without its row log',
    plant: (t) => header(t, 'rows.f32', { log_inode: 0 }),
    code: 'row-log',
    affected: ['/rows.f32'],
  },
  {
    what: 'a damaged block of a row log',
    plant: (t) => t.byte(t.dataBlock(t.logInode(t.inode('rows.f32'))) * 1024 + 200),
    code: 'row-log',
    affected: ['/rows.f32'],
  },
  {
    what: 'a row log of another length',
    plant: (t) => t.setInode(t.logInode(t.inode('rows.f32')).number, { size: 1024 }),
    code: 'row-log',
  },
  {
    what: 'a record that cannot be',
    plant: (t) => {
      const block = t.setBlock(t.inode('documents/few.f32'));
      t.set(logRecord, block * 1024 + 512, { type: 9 });
      t.sealBlock(block, 'set');
    },
    code: 'row-log',
    affected: ['/documents/few.f32'],
  },
  {
    what: 'two rows with one id',
    plant: (t) => {
      const block = t.setBlock(t.inode('documents/few.f32'));
      t.set(logRecord, block * 1024 + 512 + 24 * 4, { id: 0 });
      t.sealBlock(block, 'set');
    },
    code: 'row-log',
    affected: ['/documents/few.f32'],
  },
  {
    what: 'a hidden inode of another generation',
    plant: (t) => t.setInode(t.inode('documents/few.f32').vectorSet, { owner_generation: 1 }),
    code: 'vector-set',
    affected: ['/documents/few.f32'],
  },
  {
    what: 'a hidden inode that nobody names',
    plant: (t) => t.setInode(t.inode('documents/few.f32').number, { vector_set: 0 }),
    code: 'lost-hidden',
    affected: ['/documents/few.f32'],
    safe: true,
  },
];
