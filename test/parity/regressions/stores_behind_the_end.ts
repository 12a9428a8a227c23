import { ftruncateSync, readSync, writeSync } from 'node:fs';
import type { Suite } from '../backend/suite.js';
import { mapFile } from '../client/mapping.js';
import { fallocate } from '../operations/calls.js';

const END = 5000;
/** Of the same page, and of other blocks of 1 KiB: the one that the file ends in, and one behind it. */
const STORED = [5100, 7000];
const LONGER = 16384;

/** Ways in which a file becomes longer than the page that a mapping stores to behind its end. */
const LENGTHENED: Readonly<Record<string, (fd: number) => unknown>> = {
  'ftruncate(2)': (fd) => ftruncateSync(fd, LONGER),
  'write(2) behind the end': (fd) => writeSync(fd, 'x', LONGER - 1),
  'write(2) into the same page': (fd) => [writeSync(fd, 'x', 8000), ftruncateSync(fd, LONGER)],
  'fallocate(2)': (fd) => fallocate(fd, 0, LONGER - 4096, 4096),
};

/** Tests that a file shows nothing of what a mapping stored behind its end, whatever makes it longer. */
export function testStoresBehindTheEnd({ test, fresh, open, backend }: Suite): void {
  for (const [how, lengthen] of Object.entries(LENGTHENED)) {
    test(`what a mapping stored behind the end of a file is not in it when it becomes longer by ${how}`, (t) => {
      const fd = open(fresh(), 'w+');
      writeSync(fd, Buffer.alloc(END, 'a'));
      const mapping = mapFile(fd, LONGER);
      const { bytes } = mapping;
      try {
        bytes[END - 1] = 0x62;
        for (const at of STORED) bytes[at] = 0x63;
        lengthen(fd);
        const read = Buffer.alloc(LONGER);
        t.is(readSync(fd, read, 0, LONGER, 0), LONGER);
        t.is(read[END - 1], 0x62);
        // A FUSE mount keeps them: the kernel does not clear the rest of the page, nor tells the daemon of it.
        for (const at of STORED) t.is(read[at], backend.isProcess ? 0x63 : 0, `byte ${at}`);
      } finally {
        mapping.unmap();
      }
    });
  }
}
