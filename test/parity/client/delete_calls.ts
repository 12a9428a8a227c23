/** DELETE_EMBEDDING and BATCH_DELETE as raw as a C program issues them. */
import {
  batchDelete,
  deleteEmbedding,
  VEXFS_IOC_BATCH_DELETE,
  VEXFS_IOC_DELETE_EMBEDDING,
} from '@vexfs/shared';
import { withMemory } from './caller_memory.js';
import { call, type Outcome } from './vector_calls.js';

export interface DeleteOptions {
  readonly flags?: number;
  readonly reserved?: number;
  readonly count?: number;
  readonly address?: number;
}

export function deleteRow(fd: number, id: number | bigint, options: DeleteOptions = {}): Outcome {
  return withMemory((memory) => {
    const { view, address } = memory.room(deleteEmbedding.$.size);
    deleteEmbedding.id.setBig(view, 0, BigInt(id));
    deleteEmbedding.flags.set(view, 0, options.flags ?? 0);
    deleteEmbedding.reserved.set(view, 0, options.reserved ?? 0);
    return call(fd, VEXFS_IOC_DELETE_EMBEDDING, address);
  });
}

export function deleteRows(
  fd: number,
  ids: readonly (number | bigint)[],
  options: DeleteOptions = {},
): Outcome {
  return withMemory((memory) => {
    const { view, address } = memory.room(batchDelete.$.size);
    const list = BigUint64Array.from(ids, (id) => BigInt(id));
    batchDelete.ids.set(view, 0, options.address ?? memory.place(list));
    batchDelete.count.set(view, 0, options.count ?? ids.length);
    batchDelete.flags.set(view, 0, options.flags ?? 0);
    view.setUint32(batchDelete.reserved.offset, options.reserved ?? 0, true);
    return call(fd, VEXFS_IOC_BATCH_DELETE, address);
  });
}
