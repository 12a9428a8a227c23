import { errno, freeMemory } from '../../system/index.js';
import type { Filesystem } from '../filesystem.js';
import { anyJob, indexJob, JOB } from '../jobs.js';
import { contentExtents } from './extents.js';
import type { FileIndex } from './file_index.js';
import type { Indexing } from './indexing.js';

/** Has the indexing thread open an index from its snapshot, or make an empty one. Throws Park, FsError, DeviceError: nothing has begun. */
export function openIndex(fs: Filesystem, indexing: Indexing, index: FileIndex): void {
  const { file, description, snapshot } = index;
  const { layout } = file.set;
  const source = snapshot === undefined ? undefined : contentExtents(fs, snapshot.inode, snapshot.bytes);
  index.source = source;
  // One that lacks rows which stood there when it was made answers no searches: it is begun with, and rests.
  if (snapshot !== undefined && snapshot.position.scan === 0)
    index.isOnVolume ||= indexing.memoryInUse + snapshot.bytes > indexing.options.memory;
  try {
    indexing.run(
      index,
      ({ fields }) => {
        fields[anyJob.kind] = JOB.INDEX_OPEN;
        fields[indexJob.extents] = source?.address ?? 0;
        fields[indexJob.bytes] = snapshot?.bytes ?? 0;
        fields[indexJob.byRecord] = index.isOnVolume ? 1 : 0;
        fields[indexJob.record] = snapshot?.position.log.record ?? 0;
        fields[indexJob.slots] = snapshot?.position.log.slots ?? 0;
        fields[indexJob.type] = description.type;
        fields[indexJob.metric] = description.metric;
        fields[indexJob.element] = layout.elementType;
        fields[indexJob.dimensions] = layout.dimensions;
        fields[indexJob.m] = description.m;
        fields[indexJob.efConstruction] = description.efConstruction;
      },
      ({ fields }) => {
        index.handle = fields[indexJob.handle]!;
        if (index.handle !== 0) return;
        // A snapshot is a hint: what it lacks is taken from the rows.
        if (snapshot === undefined || fields[anyJob.result] === errno.ENOMEM)
          indexing.rest(index, fields[anyJob.result]!);
        else indexing.rebuild(index);
      },
    );
  } catch (error) {
    index.source = undefined;
    if (source !== undefined) freeMemory(source);
    throw error;
  }
}
