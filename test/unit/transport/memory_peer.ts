/** A child process with memory to be read and written: it tells where, and what it finds there afterwards. */
import {
  allocateMemory,
  allowMemoryAccess,
  MAP_ANONYMOUS,
  MAP_PRIVATE,
  mmap,
  PROT_READ,
} from '@vexfs/fuse/system';

const LENGTH = 3 * 1024 * 1024 + 11;
const memory = allocateMemory(LENGTH);
for (let i = 0; i < LENGTH; i++) memory.bytes[i] = (i * 7) & 0xff;
const readOnly = mmap(0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
// Only needed, and only understood, where Yama restricts its neighbours.
allowMemoryAccess();

process.on('message', () => {
  let sum = 0;
  for (const byte of memory.bytes) sum += byte;
  process.send?.({ sum }, () => process.disconnect());
});
process.send?.({ address: memory.address, length: LENGTH, readOnly });
