/**
 * A process of another user: UID GID OPERATION PATH. Prints `ok` or the name of an errno for one operation on the path;
 * `insert` and `search` print those of the vector call, or of the open before it.
 */
import { chmodSync, closeSync, mkdirSync, openSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { IndexOperation } from '@vexfs/shared';
import { createIndex, manage } from './index_calls.js';
import { insert, search, setMeta } from './vector_calls.js';

const [uid = '', gid = '', operation = '', path = ''] = process.argv.slice(2);
process.setgroups?.([]);
process.setgid?.(Number(gid));
process.setuid?.(Number(uid));

const operations: Record<string, () => unknown> = {
  read: () => readFileSync(path),
  write: () => closeSync(openSync(path, 'r+')),
  create: () => closeSync(openSync(path, 'wx')),
  mkdir: () => mkdirSync(path),
  unlink: () => unlinkSync(path),
  chmod: () => chmodSync(path, 0o777),
  fill: () => writeFileSync(path, Buffer.alloc(64 << 20, 1)),
  set: () => setMeta(openSync(path, 'r+'), { dimensions: 2 }),
  insert: () => insert(openSync(path, 'r+'), [1, 2], { dimensions: 2 }),
  createIndex: () => createIndex(openSync(path, 'r+')),
  dropIndex: () => manage(openSync(path, 'r+'), IndexOperation.DROP).outcome,
  indexInfo: () => manage(openSync(path, 'r'), IndexOperation.INFO).outcome,
  search: () => search(openSync(path, 'r'), [1, 2], { k: 1 }).outcome,
};

try {
  const result = operations[operation]?.();
  console.log(typeof result === 'string' ? result : 'ok');
} catch (error) {
  console.log((error as NodeJS.ErrnoException).code);
}
