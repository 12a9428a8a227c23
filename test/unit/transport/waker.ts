/** A worker that signals an eventfd after it has written to shared memory by address. */
import { workerData } from 'node:worker_threads';
import { gettid, signalEventFd, viewMemory } from '@vexfs/fuse/system';

export interface WakerStart {
  readonly eventFd: number;
  readonly address: number;
  readonly signals: number;
}

const start = workerData as WakerStart;
const words = viewMemory(start.address, 8);
words[0] = 1 + words[1]!;
new DataView(words.buffer, words.byteOffset).setInt32(4, gettid(), true);
for (let i = 0; i < start.signals; i++) signalEventFd(start.eventFd);
