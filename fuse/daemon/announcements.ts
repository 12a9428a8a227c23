import type { Inode } from '../volume/index.js';
import { forSegments } from '../volume/index.js';
import { ENGINE_QUEUE, SPARE } from './exchange.js';
import type { Filesystem } from './filesystem.js';
import type { FreshRows } from './fresh_rows.js';
import { announceJob, anyJob, JOB } from './jobs.js';

export interface Announcement {
  /** The call to be answered then; 0 for none. */
  readonly unique: number;
  /** The errno that it failed with though it has changed something. */
  readonly code?: number;
  /** First byte whose cached pages are dropped; -1: only attributes. */
  readonly from: number;
  /** Where the file ends now, when it has grown; else -1. */
  readonly end: number;
  /** The argument that the reply takes back, where one does. */
  readonly argument?: Uint8Array | undefined;
  /** Rows whose pages these are. */
  readonly fresh?: FreshRows | undefined;
  /** Whether the reply has to wait until the change is durable. */
  readonly sync: boolean;
}

/**
 * After a call that changed a file behind the kernel's caches: an engine thread tells the kernel, and then answers the
 * call. When no job slot is free the announcement waits for one, because the change is made and cannot be taken back.
 */
export function announce(fs: Filesystem, inode: Inode, announcement: Announcement): void {
  if (announcement.sync) {
    fs.commits.whenDurable((code) => post(fs, inode, announcement, code));
  } else {
    post(fs, inode, announcement, announcement.code ?? 0);
  }
}

function post(fs: Filesystem, inode: Inode, announcement: Announcement, code: number): void {
  const slot = fs.exchange.take(SPARE.announcement);
  if (slot === undefined) {
    fs.whenSlotFree(() => post(fs, inode, announcement, code));
    return;
  }
  let position = -1;
  // A byte that is stored for its length would get into what an appending write(2) has put into the same page, on its way here
  // and at the end as the kernel knew it: then the kernel has to ask for the length.
  const isStored =
    announcement.end > 0 && announcement.end <= inode.size && !fs.known.hasAppenders(inode.number);
  const end = isStored ? announcement.end : -1;
  if (isStored) {
    forSegments(fs.volume, inode, end - 1, 1, (at) => {
      position = at;
    });
  }
  const { fields } = slot;
  fields[anyJob.kind] = JOB.ANNOUNCE;
  fields[anyJob.unique] = announcement.unique;
  fields[anyJob.node] = inode.number;
  fields[anyJob.result] = code;
  fields[announceJob.from] = announcement.from;
  fields[announceJob.end] = end;
  fields[announceJob.position] = position;
  fields[announceJob.reply] = announcement.argument?.length ?? 0;
  if (announcement.argument !== undefined) slot.bytes.set(announcement.argument);
  const { fresh } = announcement;
  if (fresh !== undefined) {
    fresh.announcedBy(slot);
    fs.whenReturned(slot, () => fresh.end());
  }
  fs.submit(ENGINE_QUEUE, slot, 0);
}
