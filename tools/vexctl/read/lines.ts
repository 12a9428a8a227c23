/** Lines of a text file, one at a time, with bounded memory. */
import { open } from 'node:fs/promises';
import { SourceError } from './source.js';

/** A row of 65536 components takes about 1.5 MiB of text. */
export const MAX_LINE_BYTES = 16 << 20;

export interface Line {
  readonly text: string;
  /** Counted from 1. */
  readonly number: number;
}

/** Pieces of a file, from its first byte on; a pipe is as good. @throws SourceError for a directory */
async function* fileBytes(path: string): AsyncGenerator<Uint8Array> {
  const handle = await open(path, 'r');
  try {
    if ((await handle.stat()).isDirectory()) throw new SourceError(path, 'is a directory');
    yield* handle.createReadStream({ highWaterMark: 1 << 20, autoClose: false });
  } finally {
    await handle.close();
  }
}

/** Lines of a file, or of what is read under that name, without their ends (LF or CRLF); blank ones are left out but counted. @throws SourceError for an endless line */
export async function* readLines(
  path: string,
  bytes: AsyncIterable<Uint8Array> = fileBytes(path),
): AsyncGenerator<Line> {
  let number = 0;
  let rest: Uint8Array = new Uint8Array(0);
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const decode = (line: Uint8Array): Line | undefined => {
    number++;
    let text: string;
    try {
      text = decoder.decode(line);
    } catch {
      throw new SourceError(path, 'is not UTF-8 text', `line ${number}`);
    }
    const trimmed = text.trim();
    return trimmed === '' ? undefined : { text: trimmed, number };
  };
  for await (const part of bytes) {
    let chunk: Uint8Array = part;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10)) {
      const line = decode(
        rest.length === 0 ? chunk.subarray(0, end) : Buffer.concat([rest, chunk.subarray(0, end)]),
      );
      rest = new Uint8Array(0);
      chunk = chunk.subarray(end + 1);
      if (line !== undefined) yield line;
    }
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    if (rest.length > MAX_LINE_BYTES) {
      throw new SourceError(path, `is longer than ${MAX_LINE_BYTES} bytes`, `line ${number + 1}`);
    }
  }
  if (rest.length > 0) {
    const line = decode(rest);
    if (line !== undefined) yield line;
  }
}
