import { ftruncateSync, readSync, writeSync } from 'node:fs';
import { paritySuite } from '../backend/suite.js';
import { mapFile } from '../client/mapping.js';
import { fallocate } from '../operations/calls.js';

const { test, fresh, open, backend } = paritySuite({ size: '48M' });

const END = 5000;
const STORED = 6000;
const LONGER = 16384;

/** Ways in which a file becomes longer than the page that a mapping stores to behind its end. */
const LENGTHENED: Readonly<Record<string, (fd: number) => unknown>> = {
  'ftruncate(2)': (fd) => ftruncateSync(fd, LONGER),
  'write(2) behind the end': (fd) => writeSync(fd, 'x', LONGER - 1),
  'fallocate(2)': (fd) => fallocate(fd, 0, LONGER - 4096, 4096),
};

for (const [how, lengthen] of Object.entries(LENGTHENED)) {
  test(`what a mapping stored behind the end of a file is not in it when it becomes longer by ${how}`, (t) => {
    const fd = open(fresh(), 'w+');
    writeSync(fd, Buffer.alloc(END, 'a'));
    const mapping = mapFile(fd, LONGER);
    const { bytes } = mapping;
    try {
      bytes[END - 1] = 0x62;
      bytes[STORED] = 0x63;
      lengthen(fd);
      const read = Buffer.alloc(LONGER);
      t.is(readSync(fd, read, 0, LONGER, 0), LONGER);
      t.is(read[END - 1], 0x62);
      // A FUSE mount keeps them: the kernel does not clear the rest of the page, nor tells the daemon of it.
      t.is(read[STORED], backend.isProcess ? 0x63 : 0);
    } finally {
      mapping.unmap();
    }
  });
}
