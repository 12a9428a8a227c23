import type { ElementType, SearchType } from '@vexfs/shared';
import { ChangeOp, indexChange } from '../../engine/index.js';
import { errno, memoryAt } from '../../system/index.js';
import type { EngineThread } from '../engine_worker.js';
import type { JobSlot } from '../exchange.js';
import {
  INDEX_CHANGES,
  INDEX_COUNT,
  INDEX_DIMENSIONS,
  INDEX_EF_CONSTRUCTION,
  INDEX_ELEMENT,
  INDEX_EXTENTS,
  INDEX_GENERATION,
  INDEX_HANDLE,
  INDEX_LEVELS,
  INDEX_M,
  INDEX_MEMORY,
  INDEX_METRIC,
  INDEX_ROWS,
  INDEX_SNAPSHOT,
  INDEX_TAKEN,
  RESULT,
} from '../jobs.js';
import { addGraph, dropGraph, graphAt, SlotGraph } from './slot_graph.js';

function tell(fields: Float64Array): void {
  const graph = graphAt(fields[INDEX_HANDLE]!);
  fields[INDEX_ROWS] = graph.rows;
  fields[INDEX_GENERATION] = 1;
  fields[INDEX_MEMORY] = graph.memoryBytes;
  fields[INDEX_SNAPSHOT] = 0;
  fields[INDEX_LEVELS] = 0;
}

/** Job INDEX_OPEN with hnswlib: an empty graph, whatever is stored; for an index that is to be FLAT too. */
export function makeGraph({ fields }: JobSlot): void {
  const graph = new SlotGraph({
    metric: fields[INDEX_METRIC] as SearchType,
    element: fields[INDEX_ELEMENT] as ElementType,
    dimensions: fields[INDEX_DIMENSIONS]!,
    m: fields[INDEX_M]!,
    efConstruction: fields[INDEX_EF_CONSTRUCTION]!,
  });
  fields[RESULT] = 0;
  fields[INDEX_HANDLE] = addGraph(graph);
  tell(fields);
}

/** Job INDEX_FOLLOW with hnswlib. */
export function followGraph(thread: EngineThread, slot: JobSlot): void {
  const { fields } = slot;
  const graph = graphAt(fields[INDEX_HANDLE]!);
  const count = fields[INDEX_COUNT]!;
  const { view } = memoryAt(fields[INDEX_CHANGES]!, count * indexChange.$.size);
  let taken = 0;
  let failed = 0;
  for (; taken < count && failed === 0; taken++) {
    if (thread.exchange.isInterrupted(slot)) {
      failed = -errno.EINTR;
      break;
    }
    const at = taken * indexChange.$.size;
    const row = indexChange.slot.get(view, at);
    if (indexChange.op.get(view, at) === ChangeOp.PUT) failed = graph.put(fields[INDEX_EXTENTS]!, row);
    else graph.delete(row);
    if (failed !== 0) break;
  }
  fields[INDEX_TAKEN] = taken;
  fields[RESULT] = taken > 0 ? 0 : -failed;
  tell(fields);
}

/** Job INDEX_VERIFY with hnswlib: there is no snapshot that could be damaged. */
export function verifyGraph({ fields }: JobSlot): void {
  fields[RESULT] = 0;
  tell(fields);
}

/** Job INDEX_CLOSE. */
export function closeGraph({ fields }: JobSlot): void {
  dropGraph(fields[INDEX_HANDLE]!);
}
