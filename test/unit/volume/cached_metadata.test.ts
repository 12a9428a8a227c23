import { CACHED_BYTES, MetadataStore } from '@vexfs/fuse/volume';
import test from 'ava';
import { MemoryDevice } from './memory_device.js';

for (const blockSize of [1024, 4096, 65536]) {
  test(`metadata in blocks of ${blockSize} bytes takes no more memory than in others`, (t) => {
    const store = new MetadataStore(new MemoryDevice(new Uint8Array(blockSize)), blockSize, 1);
    const most = CACHED_BYTES / blockSize;
    for (let number = 1; number <= most + 100; number++) store.fresh(number, 'directory');
    t.is(store.cachedBlocks, most + 100, 'what is not in place yet stays');
    // Twice, because what was in use since the last look is spared once.
    store.writtenInPlace(store.transaction);
    store.trim();
    t.is(store.cachedBlocks, most);
  });
}
