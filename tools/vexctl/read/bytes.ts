/** Reading an exact range of a file whose size was looked at before. */
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { SourceError } from './source.js';

export interface SizedFile {
  readonly path: string;
  readonly handle: FileHandle;
  readonly size: number;
}

/** @throws SourceError when the path is no regular file: its size would tell nothing */
export async function openSized(path: string): Promise<SizedFile> {
  // Without O_NONBLOCK a pipe that nobody writes to is waited for here, before it can be refused.
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stat = await handle.stat();
    if (!stat.isFile()) throw new SourceError(path, 'is not a regular file');
    return { path, handle, size: stat.size };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** @throws SourceError when the file ends earlier than its size promised */
export async function readExactly(file: SizedFile, position: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await file.handle.read(bytes, done, length - done, position + done);
    if (bytesRead === 0)
      throw new SourceError(file.path, `ends at byte ${position + done}: it was cut while it was read`);
    done += bytesRead;
  }
  return bytes;
}
