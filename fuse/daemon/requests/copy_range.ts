import { copyFileRangeIn, writeOut } from '../../protocol/index.js';
import { Connection, type Request } from '../../server/connection.js';
import { errno } from '../../system/index.js';
import { FsError, readContent, requireMutable, writeContent } from '../../volume/index.js';
import type { Filesystem } from '../filesystem.js';
import { OverwrittenRows } from '../overwritten_rows.js';
import { stripCapability } from '../privileges.js';
import { touchAtime } from './files.js';

const AT = Connection.PAYLOAD_AT;
/** Bytes of one call at most: a caller that wants more calls again, and others are served in between. */
const PIECE = 1 << 20;

/**
 * copy_file_range(2), or as much of it as one piece. The kernel has written back both ranges and refuses what overlaps;
 * on a vector file the copy counts as a write(2).
 */
export function copyFileRange(fs: Filesystem, request: Request): void {
  fs.requireWritable();
  const { view, body, unique } = request;
  const source = fs.inode(request.nodeid);
  const target = fs.inode(copyFileRangeIn.nodeid_out.get(view, body));
  const from = fs.known.handle(copyFileRangeIn.fh_in.get(view, body));
  const to = fs.known.handle(copyFileRangeIn.fh_out.get(view, body));
  const start = copyFileRangeIn.off_in.get(view, body);
  const offset = copyFileRangeIn.off_out.get(view, body);
  if (copyFileRangeIn.flags.get(view, body) !== 0) throw new FsError(errno.EINVAL);
  if (!source.isRegular || !target.isRegular) throw new FsError(errno.EINVAL);
  requireMutable(target);
  const length = Math.max(0, Math.min(copyFileRangeIn.len.get(view, body), PIECE, source.size - start));
  let copied = 0;
  if (length > 0) {
    const memory = fs.scratch.take(length);
    try {
      const into = memory.bytes.subarray(0, length);
      fs.volume.store.withoutWaiting(() => readContent(fs.volume, source, start, into));
      // Before the change, because it may have to read the disk.
      stripCapability(fs.volume, target);
      const grows = offset + length > target.size;
      if (grows) fs.vectors.beforeResize(target, offset + length);
      const overwritten = OverwrittenRows.of(fs, target, offset, length);
      copied = writeContent(fs.volume, target, offset, memory.bytes.subarray(0, length));
      overwritten?.told();
      if (grows) fs.vectors.afterResize(target);
    } finally {
      fs.scratch.give(memory);
    }
    touchAtime(fs, source, from.flags);
    fs.markChanged(target, request);
  }
  fs.whenAsDurable(target, to.flags, unique, () => {
    const out = fs.connection.output.view;
    writeOut.size.set(out, AT, copied);
    writeOut.padding.set(out, AT, 0);
    fs.connection.send(unique, writeOut.$.size);
  });
}
