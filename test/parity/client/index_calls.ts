/** MANAGE_INDEX as raw as a C program issues it. */
import { IndexOperation, manageIndex, VEXFS_IOC_MANAGE_INDEX } from '@vexfs/shared';
import { withMemory } from './caller_memory.js';
import { call, type Outcome } from './vector_calls.js';

export type IndexFields = Readonly<Record<string, number>>;

export interface Managed {
  readonly outcome: Outcome;
  /** The argument as it came back, by the names of its fields. */
  readonly info: IndexFields;
}

/** Fields that are left out are 0. */
export function manage(fd: number, operation: number, fields: IndexFields = {}): Managed {
  return withMemory((memory) => {
    const { view, address } = memory.room(manageIndex.$.size);
    manageIndex.operation.set(view, 0, operation);
    for (const [name, field] of manageIndex.$.fields) {
      const value = fields[name];
      if (value === undefined) continue;
      if (field.size === 8) view.setBigUint64(field.offset, BigInt(value), true);
      else view.setUint32(field.offset, value, true);
    }
    const outcome = call(fd, VEXFS_IOC_MANAGE_INDEX, address);
    const info: Record<string, number> = {};
    for (const [name, field] of manageIndex.$.fields) {
      info[name] =
        field.size === 8 ? Number(view.getBigUint64(field.offset, true)) : view.getUint32(field.offset, true);
    }
    return { outcome, info };
  });
}

/** CREATE of a graph, Euclidean unless `fields` says otherwise. */
export function createIndex(fd: number, fields: IndexFields = {}): Outcome {
  return manage(fd, IndexOperation.CREATE, { type: 1, ...fields }).outcome;
}

/** WAIT, again when a signal ended it. */
export function waitForIndex(fd: number): Outcome {
  let { outcome } = manage(fd, IndexOperation.WAIT);
  while (outcome === 'EINTR') ({ outcome } = manage(fd, IndexOperation.WAIT));
  return outcome;
}

export function indexInfo(fd: number): IndexFields {
  const { outcome, info } = manage(fd, IndexOperation.INFO);
  if (outcome !== 'ok') throw new Error(`MANAGE_INDEX INFO: ${outcome}`);
  return info;
}
