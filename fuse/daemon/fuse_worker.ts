import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { Connection } from '../server/connection.js';
import { errno, FileDevice, type FileDeviceHandle } from '../system/index.js';
import { commitNow, finishOrphans, Volume } from '../volume/index.js';
import { type JournalArea, JournalWriter } from '../volume/journal/index.js';
import { Commits } from './commits.js';
import { ENGINE_QUEUE, Exchange, type ExchangeHandle } from './exchange.js';
import { type Caching, Filesystem, type TimeKeeping } from './filesystem.js';
import { FuseLoop } from './fuse_loop.js';
import { Indexing, type IndexingOptions } from './indexing/indexing.js';
import { MAX_WRITE } from './request_size.js';
import { RowPacking } from './row_packing.js';
import { recycle } from './slot_recycling.js';
import { ThreadSupply } from './thread_supply.js';
import { VectorFiles } from './vector_files.js';

export interface FuseWorkerData {
  readonly exchange: ExchangeHandle;
  readonly device: FileDeviceHandle;
  readonly readOnly: boolean;
  readonly timeKeeping: TimeKeeping;
  readonly caching: Caching;
  /** Threads at most by queue. */
  readonly threads: Readonly<Record<number, number>>;
  readonly indexing: IndexingOptions;
}

/** To the main thread: the volume is open, or why it is not; at the end, that everything is committed. */
export type FuseWorkerMessage =
  | {
      readonly kind: 'open';
      readonly area: JournalArea;
      readonly totalBlocks: number;
      readonly replayed: number;
    }
  | { readonly kind: 'refused'; readonly reason: string }
  /** There are more jobs of this queue than threads. */
  | { readonly kind: 'thread'; readonly queue: number }
  /** `failed`: the errno that kept changes from the volume; 0. */
  | { readonly kind: 'ended'; readonly failed: number };

/** From the main thread: the mount exists. */
export interface MountedMessage {
  readonly fuseFd: number;
}

const data = workerData as FuseWorkerData;
const port = parentPort as MessagePort;

function open(): { volume: Volume; maxTransactionBlocks: number; area: JournalArea; replayed: number } {
  const device = FileDevice.shared(data.device);
  const { volume, nextSequence, replayed } = Volume.open(device, {
    readOnly: data.readOnly,
    deviceReadOnly: device.readOnly,
  });
  const { journalStart, journalBlocks, blockSize, totalBlocks } = volume.geometry;
  const area = { start: journalStart, blocks: journalBlocks, blockSize };
  let maxTransactionBlocks = 0;
  if (!data.readOnly) {
    const writer = new JournalWriter(device, area, totalBlocks, nextSequence);
    maxTransactionBlocks = writer.maxTransactionBlocks;
    volume.noteMount(Math.floor(Date.now() / 1000));
    finishOrphans(volume, () => commitNow(volume, writer));
    commitNow(volume, writer);
    writer.close();
  }
  return { volume, maxTransactionBlocks, area, replayed };
}

function serve(
  volume: Volume,
  maxTransactionBlocks: number,
  fuseFd: number,
  ended: (failed: number) => void,
): void {
  const exchange = new Exchange(data.exchange);
  const device = FileDevice.shared(data.device);
  const fs = new Filesystem({
    volume,
    device,
    connection: new Connection(fuseFd, MAX_WRITE + 8192, MAX_WRITE + 4096),
    exchange,
    commits: new Commits(volume, exchange, maxTransactionBlocks),
    readOnly: data.readOnly,
    timeKeeping: data.timeKeeping,
    caching: data.caching,
    searchThreads: data.threads[ENGINE_QUEUE] ?? 1,
    supply: new ThreadSupply(exchange, data.threads, (queue) => {
      port.postMessage({ kind: 'thread', queue } satisfies FuseWorkerMessage);
    }),
  });
  fs.vectors = new VectorFiles(volume, device.fd);
  fs.vectors.onOrphan = (inode) => fs.known.condemn(inode);
  fs.vectors.onFreed = (file, slots) => recycle(fs, file, slots);
  fs.vectors.onBroken = (error) => {
    fs.warn(
      `a change could not be finished, nothing more is written: ${error instanceof Error ? error.message : error}`,
    );
    fs.commits.fail(errno.EIO);
  };
  fs.indexing = new Indexing(fs, data.indexing);
  fs.packing = new RowPacking(fs);
  fs.vectors.indexing = fs.indexing;
  fs.vectors.packing = fs.packing;
  fs.committed = volume.store.transaction - 1;
  new FuseLoop(fs, data.exchange.eventFd).run(ended);
}

try {
  const { volume, maxTransactionBlocks, area, replayed } = open();
  port.once('message', (message: MountedMessage) => {
    serve(volume, maxTransactionBlocks, message.fuseFd, (failed) => {
      port.postMessage({ kind: 'ended', failed } satisfies FuseWorkerMessage);
      port.close();
    });
  });
  const { totalBlocks } = volume.geometry;
  port.postMessage({ kind: 'open', area, totalBlocks, replayed } satisfies FuseWorkerMessage);
} catch (error) {
  // What is wrong with a volume is said in a sentence by the errors of the volume, the journal and the device.
  if (!(error instanceof Error) || error instanceof TypeError || error instanceof RangeError) throw error;
  port.postMessage({ kind: 'refused', reason: error.message } satisfies FuseWorkerMessage);
  port.close();
}
