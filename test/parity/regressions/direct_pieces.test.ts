import { writeFileSync } from 'node:fs';
import { must } from '../backend/programs.js';
import { paritySuite } from '../backend/suite.js';
import { fallocate } from '../operations/calls.js';

const { test, fresh, open, close } = paritySuite({ size: '48M' });
const BLOCK = 4096;
const BLOCKS = 64;

/** Writes sectors 1 and 5 of each block past the page cache, all at once, waits for all, and says which blocks do not show both and zeros. */
const SCRIPT = `
import ctypes, mmap, os, struct, sys
path, blocks, block = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
libc = ctypes.CDLL(None, use_errno=True)
def system(number, *words):
    result = libc.syscall(ctypes.c_long(number), *words)
    if result < 0:
        raise OSError(ctypes.get_errno(), 'call %d' % number)
    return result
memory = mmap.mmap(-1, 4096)
memory.write(b'a' * 512 + b'b' * 512)
address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
fd = os.open(path, os.O_WRONLY | os.O_DIRECT)
context = ctypes.c_ulong(0)
system(206, ctypes.c_long(2 * blocks), ctypes.byref(context))
calls = []
for i in range(blocks):
    for piece, sector in ((0, 1), (1, 5)):
        words = struct.pack('<QIIHhIQQqQII', 0, 0, 0, 1, 0, fd, address + 512 * piece, 512, i * block + 512 * sector, 0, 0, 0)
        calls.append(ctypes.create_string_buffer(words, 64))
pointers = (ctypes.c_void_p * len(calls))(*[ctypes.addressof(call) for call in calls])
if system(209, context, ctypes.c_long(len(calls)), pointers) != len(calls):
    sys.exit('not all were taken')
events = ctypes.create_string_buffer(32 * len(calls))
if system(208, context, ctypes.c_long(len(calls)), ctypes.c_long(len(calls)), events, None) != len(calls):
    sys.exit('not all have ended')
for i in range(len(calls)):
    result = struct.unpack_from('<q', events.raw, 32 * i + 16)[0]
    if result != 512:
        sys.exit('a write came to %d' % result)
expected = bytes(512) + b'a' * 512 + bytes(1536) + b'b' * 512 + bytes(block - 3072)
with open(path, 'rb') as file:
    content = file.read()
print([i for i in range(blocks) if content[i * block:(i + 1) * block] != expected])
`;

for (const [name, bytes] of [
  ['blocks that fallocate has taken', BLOCKS * BLOCK],
  ['a hole', 0],
] as const)
  test(`pieces of one block that are written past the page cache at the same time are both there, in ${name}`, (t) => {
    for (let round = 0; round < 4; round++) {
      const path = fresh();
      writeFileSync(path, '');
      const fd = open(path, 'r+');
      if (bytes) t.is(fallocate(fd, 0, 0, bytes), 0);
      else must('truncate', ['-s', `${BLOCKS * BLOCK}`, path]);
      t.is(must('python3', ['-c', SCRIPT, path, `${BLOCKS}`, `${BLOCK}`]).trim(), '[]');
      close(fd);
    }
  });
