import { constants } from 'node:fs';
import { type FileHandle, open, unlink } from 'node:fs/promises';
import { fromFileError } from './error.js';
import type { Layout } from './layout.js';
import { allowDaemon } from './tracer.js';
import { VectorFile } from './vector_file.js';

export interface OpenOptions {
  /** Open for inserting too; `create` implies it. */
  readonly write?: boolean;
  /** Make the file when it is missing, and give it this layout when it has none. */
  readonly create?: Layout;
  /**
   * Whether to let the daemon reach this program's memory by prctl(PR_SET_PTRACER_ANY) where Yama's ptrace_scope is 1;
   * true when absent. It lets other programs of the same user trace this one too. Without it a daemon that does not
   * run as root answers EPERM.
   */
  readonly allowDaemon?: boolean;
}

/**
 * Opens a vector file on a mounted volume.
 * @throws VexfsError of the open itself or of setting the layout; a file that this call made is removed again
 */
export async function openVectors(path: string, options: OpenOptions = {}): Promise<VectorFile> {
  if (options.allowDaemon !== false) allowDaemon();
  const { create } = options;
  const access = options.write === true || create !== undefined ? constants.O_RDWR : constants.O_RDONLY;
  const [handle, made] = await openOrMake(path, access, create !== undefined);
  const file = new VectorFile(path, handle, made);
  if (create === undefined) return file;
  try {
    await file.setMeta(create);
  } catch (error) {
    await file.close();
    if (made) await unlink(path);
    throw error;
  }
  return file;
}

/** The handle, and whether this call made the file: only then may a failure remove it. */
async function openOrMake(path: string, access: number, make: boolean): Promise<[FileHandle, boolean]> {
  try {
    if (make) {
      try {
        return [await open(path, access | constants.O_CREAT | constants.O_EXCL, 0o666), true];
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
    }
    return [await open(path, access), false];
  } catch (error) {
    throw fromFileError(error, make ? 'create' : 'open', path);
  }
}
