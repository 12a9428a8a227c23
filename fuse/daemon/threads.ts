import { Worker } from 'node:worker_threads';
import { createEventFd, type FileDevice, SystemCallError } from '../system/index.js';
// Not all of the volume: this thread only starts those that open it.
import { VolumeError } from '../volume/errors.js';
import type { EngineWorkerData } from './engine_worker.js';
import { ENGINE_QUEUE, Exchange, INDEX_QUEUE, READ_QUEUE, WRITE_QUEUE } from './exchange.js';
import type { Caching, TimeKeeping } from './filesystem.js';
import type { FuseWorkerData, FuseWorkerMessage, MountedMessage } from './fuse_worker.js';
import type { IndexingOptions } from './indexing/indexing.js';
import type { JournalWorkerData } from './journal_worker.js';
import { MAX_WRITE } from './request_size.js';

/** What the threads of a daemon work on. */
export interface ThreadsRequest {
  readonly device: FileDevice;
  readonly readOnly: boolean;
  /** By default relatime. */
  readonly timeKeeping?: TimeKeeping;
  readonly caching: Caching;
  /** Engine threads at most. */
  readonly threads: number;
  readonly indexing: IndexingOptions;
}

/** Threads at most that read what the page cache does not hold. */
const READERS = 2;
/** Threads at most that write what is too much for the FUSE thread. */
const WRITERS = 2;
/** Small heaps: what is large lies outside of them. */
const LIMITS = { maxYoungGenerationSizeMb: 8, maxOldGenerationSizeMb: 1024 };
const SMALL = { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 128 };

function startWorker(file: string, workerData: unknown, resourceLimits = SMALL): Worker {
  return new Worker(new URL(file, import.meta.url), { workerData, resourceLimits });
}

/** The threads that serve a volume: they open it first, and then answer the requests that a descriptor brings. */
export class DaemonThreads {
  /** Transactions that were replayed when the volume was opened. */
  readonly replayed: number;
  private readonly request: ThreadsRequest;
  private readonly exchange: Exchange;
  private readonly fuseWorker: Worker;
  private readonly journal: Omit<JournalWorkerData, 'exchange' | 'device'>;

  private constructor(
    request: ThreadsRequest,
    exchange: Exchange,
    fuseWorker: Worker,
    opened: FuseWorkerMessage & { kind: 'open' },
  ) {
    this.request = request;
    this.exchange = exchange;
    this.fuseWorker = fuseWorker;
    this.replayed = opened.replayed;
    this.journal = { area: opened.area, totalBlocks: opened.totalBlocks };
  }

  /** Opens the volume. Throws VolumeError with the sentence that says why it cannot be, SystemCallError. */
  static async open(request: ThreadsRequest): Promise<DaemonThreads> {
    const { device, readOnly, caching } = request;
    const timeKeeping = request.timeKeeping ?? { accessTimes: 'relatime', directoryTimes: true };
    const eventFd = createEventFd();
    if (eventFd < 0) throw new SystemCallError('making an eventfd', -eventFd);
    const exchange = Exchange.create(eventFd);
    const fuseWorker = startWorker(
      './fuse_worker.js',
      {
        exchange: exchange.handle,
        device: device.handle,
        readOnly,
        timeKeeping,
        caching,
        threads: {
          [ENGINE_QUEUE]: request.threads,
          [READ_QUEUE]: READERS,
          [WRITE_QUEUE]: WRITERS,
          [INDEX_QUEUE]: 1,
        },
        indexing: request.indexing,
      } satisfies FuseWorkerData,
      LIMITS,
    );
    try {
      const opened = await nextMessage(fuseWorker);
      if (opened.kind === 'refused') throw new VolumeError(opened.reason);
      if (opened.kind !== 'open') throw new VolumeError('it was not opened');
      return new DaemonThreads(request, exchange, fuseWorker, opened);
    } catch (error) {
      await fuseWorker.terminate();
      throw error;
    }
  }

  /**
   * Answers what comes from `fd`, a FUSE device or what talks like one, until it has ended or `leave` was called and all is
   * committed. Resolves to the errno that kept the last changes from the volume, or 0. `onFall` is told when a thread
   * throws: nothing in memory can be trusted then, and the promise never settles. Engine threads start when there is work for them.
   */
  async serve(fd: number, onFall: (error: unknown) => void): Promise<number> {
    const { request, exchange, fuseWorker } = this;
    const { device } = request;
    const watch = (worker: Worker): void => {
      worker.once('error', onFall);
    };
    watch(fuseWorker);
    if (!request.readOnly) {
      const data: JournalWorkerData = {
        exchange: exchange.handle,
        device: device.handle,
        ...this.journal,
      };
      watch(startWorker('./journal_worker.js', data));
    }
    const ended = new Promise<number>((resolve) => {
      fuseWorker.on('message', (message: FuseWorkerMessage) => {
        if (message.kind === 'ended') resolve(message.failed);
        else if (message.kind === 'thread') {
          const data: EngineWorkerData = {
            exchange: exchange.handle,
            queue: message.queue,
            fuseFd: fd,
            imageFd: device.fd,
            maxRead: MAX_WRITE,
          };
          watch(startWorker('./engine_worker.js', data));
        }
      });
    });
    fuseWorker.postMessage({ fuseFd: fd } satisfies MountedMessage);
    const failed = await ended;
    exchange.stop();
    return failed;
  }

  /** Nothing more is read; what is under way is finished and committed. */
  leave(): void {
    this.exchange.leave();
  }

  /** Ends the threads, whatever they do. */
  async end(): Promise<void> {
    this.exchange.stop();
    await this.fuseWorker.terminate();
  }
}

function nextMessage(worker: Worker): Promise<FuseWorkerMessage> {
  return new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}
