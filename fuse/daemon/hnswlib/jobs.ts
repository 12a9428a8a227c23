import type { ElementType, SearchType } from '@vexfs/shared';
import { ChangeOp, indexChange } from '../../engine/index.js';
import { errno, memoryAt } from '../../system/index.js';
import type { EngineThread } from '../engine_worker.js';
import type { JobSlot } from '../exchange.js';
import { anyJob, indexJob } from '../jobs.js';
import { addGraph, dropGraph, graphAt, SlotGraph } from './slot_graph.js';

function tell(fields: Float64Array): void {
  const graph = graphAt(fields[indexJob.handle]!);
  fields[indexJob.rows] = graph.rows;
  fields[indexJob.generation] = 1;
  fields[indexJob.memory] = graph.memoryBytes;
  fields[indexJob.snapshot] = 0;
  fields[indexJob.levels] = 0;
}

/** Job INDEX_OPEN with hnswlib: an empty graph, whatever is stored; for an index that is to be FLAT too. */
export function makeGraph({ fields }: JobSlot): void {
  const graph = new SlotGraph({
    metric: fields[indexJob.metric] as SearchType,
    element: fields[indexJob.element] as ElementType,
    dimensions: fields[indexJob.dimensions]!,
    m: fields[indexJob.m]!,
    efConstruction: fields[indexJob.efConstruction]!,
  });
  fields[anyJob.result] = 0;
  fields[indexJob.handle] = addGraph(graph);
  tell(fields);
}

/** Job INDEX_FOLLOW with hnswlib. */
export function followGraph(thread: EngineThread, slot: JobSlot): void {
  const { fields } = slot;
  const graph = graphAt(fields[indexJob.handle]!);
  const count = fields[indexJob.count]!;
  const { view } = memoryAt(fields[indexJob.changes]!, count * indexChange.$.size);
  let taken = 0;
  let failed = 0;
  for (; taken < count && failed === 0; taken++) {
    if (thread.exchange.isInterrupted(slot)) {
      failed = -errno.EINTR;
      break;
    }
    const at = taken * indexChange.$.size;
    const row = indexChange.slot.get(view, at);
    if (indexChange.op.get(view, at) === ChangeOp.PUT) failed = graph.put(fields[indexJob.extents]!, row);
    else graph.delete(row);
    if (failed !== 0) break;
  }
  fields[indexJob.taken] = taken;
  fields[anyJob.result] = taken > 0 ? 0 : -failed;
  tell(fields);
}

/** Job INDEX_VERIFY with hnswlib: there is no snapshot that could be damaged. */
export function verifyGraph({ fields }: JobSlot): void {
  fields[anyJob.result] = 0;
  tell(fields);
}

/** Job INDEX_CLOSE. */
export function closeGraph({ fields }: JobSlot): void {
  dropGraph(fields[indexJob.handle]!);
}
