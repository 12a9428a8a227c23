import {
  encodeInitOut,
  encodeMajorOut,
  expectsReply,
  INIT,
  interruptIn,
  minimumRequest,
  negotiate,
  OPCODE,
} from '../protocol/index.js';
import { Connection, decodeRequest, type Request } from '../server/connection.js';
import { drainEventFd, errno, PollSet, runInTurns } from '../system/index.js';
import { NeedCommit, NeedRead } from '../volume/index.js';
import { AwaitSpace } from './awaited_space.js';
import { dispatch } from './dispatch.js';
import { JOURNAL_QUEUE, type JobSlot, READ_QUEUE, SPARE } from './exchange.js';
import type { Filesystem } from './filesystem.js';
import { HaltPolling } from './halt_polling.js';
import { anyJob, commitJob, JOB, warmJob } from './jobs.js';
import { log } from './log.js';
import { Park } from './park.js';
import { canBeTriedAgain } from './reading_requests.js';
import { MAX_WRITE } from './request_size.js';

/** Requests between two looks at what other threads have finished. */
const BURST = 16;
/** Milliseconds that jobs have to end when the daemon was told to leave, and between two looks at them. */
const PATIENCE = 5000;
const LEAVING_STEP = 50;
/** Waits for the disk that one request passes on. A filesystem that cannot tell what it has in memory lets it start from the beginning. */
const MOST_READS = 64;

/** What became of a wait: jobs had come back before; they came meanwhile; none did. The last two have polled the set. */
const NOT_POLLED = 0;
const JOBS_BACK = 1;
const NOTHING_BACK = 2;
type Waited = typeof NOT_POLLED | typeof JOBS_BACK | typeof NOTHING_BACK;

const WISHES = {
  flags:
    INIT.ASYNC_READ |
    INIT.BIG_WRITES |
    INIT.MAX_PAGES |
    INIT.HAS_IOCTL_DIR |
    INIT.DO_READDIRPLUS |
    INIT.READDIRPLUS_AUTO |
    INIT.PARALLEL_DIROPS |
    INIT.EXPLICIT_INVAL_DATA |
    INIT.EXPORT_SUPPORT |
    INIT.HANDLE_KILLPRIV_V2 |
    INIT.POSIX_ACL |
    INIT.DONT_MASK |
    INIT.SETXATTR_EXT |
    INIT.CACHE_SYMLINKS,
  flags2: 0,
  maxWrite: MAX_WRITE,
  maxReadahead: MAX_WRITE,
  maxBackground: 64,
  timeGranularity: 1,
};

/** Reads requests and answers them until the mount ends or the daemon is told to stop. */
export class FuseLoop {
  private readonly fs: Filesystem;
  private readonly connection: Connection;
  private readonly polled: PollSet;
  private readonly events: PollSet;
  private readonly polling = new HaltPolling();
  /** Requests that wait to be tried again, and whether a signal for their callers has come. */
  private readonly kept = new Map<number, boolean>();
  private closed = false;
  private closeError = 0;
  /** When the wait for the last jobs ends, once the daemon has been told to leave. */
  private patience = 0;

  constructor(fs: Filesystem, eventFd: number) {
    this.fs = fs;
    this.connection = fs.connection;
    this.polled = new PollSet([fs.connection.fd, eventFd]);
    this.events = new PollSet([eventFd]);
    fs.commits.onCommitted = (id) => {
      fs.committed = id;
      fs.volume.store.writtenInPlace(id);
      fs.reclaim();
      fs.known.reap();
    };
  }

  /** `ended` is told the errno that kept the last changes from the volume, or 0. */
  run(ended: (failed: number) => void): void {
    const { fs, connection } = this;
    let burst = 0;
    // One caller's next request is hardly ever there yet, so a read that must fail is saved: the device is polled first. Every
    // BURST requests a read is tried at once, and while such reads find something there is no polling.
    let waits = false;
    const step = (): boolean => {
      if (this.mayLeave()) return false;
      if (fs.commits.stalled) {
        this.wait(this.events, 0, -1);
        return true;
      }
      if (waits && !this.rest()) return true;
      const length = connection.receive();
      if (length === -errno.ENODEV || length === -errno.ECONNABORTED) return false;
      if (length === -errno.EAGAIN) {
        waits = true;
        burst = 0;
        return true;
      }
      if (length < 0) throw new Error(`reading /dev/fuse failed: errno ${-length}`);
      this.serve(decodeRequest(connection.input.bytes, connection.input.view, length));
      this.runDueRetries();
      burst += 1;
      if (burst === BURST || fs.commits.crowded) {
        this.collect();
        if (burst === BURST) this.runAgain(fs.awaitedSpace.afterBurst());
        burst = 0;
        waits = false;
        fs.commits.tend(performance.now());
        fs.trim();
      }
      return true;
    };
    runInTurns(step, () => ended(this.finish()));
  }

  /**
   * Tidies up and sleeps until there is a request, a finished job or a commit that is due. Returns whether the device has
   * something to say.
   */
  private rest(): boolean {
    const { fs, polling, polled } = this;
    this.runDueRetries();
    fs.trim();
    if (fs.awaitedSpace.isAwaited) {
      if (this.wait(polled, 1, 0) === NOT_POLLED) return false;
      if (polled.ready(0) !== 0) return true;
      this.runAgain(fs.awaitedSpace.afterAll());
      return false;
    }
    const timeoutMs = this.timeout(performance.now());
    let isThere = false;
    const found = polling.poll(() => {
      const waited = this.wait(polled, 1, 0);
      isThere = waited !== NOT_POLLED && polled.ready(0) !== 0;
      return waited !== NOTHING_BACK || isThere || polled.ready(1) !== 0;
    });
    if (found) return isThere;
    const asleep = performance.now();
    if (this.wait(polled, 1, timeoutMs) === NOT_POLLED) return false;
    isThere = polled.ready(0) !== 0;
    if (isThere || polled.ready(1) !== 0) polling.slept(performance.now() - asleep);
    return isThere;
  }

  /** How long nothing is due, -1: until something happens. */
  private timeout(now: number): number {
    const { fs } = this;
    const due = [
      fs.commits.tend(now),
      fs.indexing.timeout(now),
      fs.tendThreads(),
      fs.retriesTimeout(),
    ].filter((ms) => ms >= 0);
    if (fs.exchange.leaving) return LEAVING_STEP;
    return due.length === 0 ? -1 : Math.min(...due);
  }

  /** Told to leave: jobs may still need an answer (a page of a caller's memory, a page to be written back) to end. */
  private mayLeave(): boolean {
    const { fs } = this;
    if (!fs.exchange.leaving) return false;
    fs.indexing.stop();
    if (this.patience === 0) this.patience = performance.now() + PATIENCE;
    return fs.jobsUnderWay === 0 || performance.now() > this.patience;
  }

  /** The mount is gone: jobs end, what nobody can reach any more is deleted, everything is committed. */
  private finish(): number {
    const { fs } = this;
    fs.indexing.stop();
    fs.commits.end();
    // What a job waits for may never come (memory that its caller serves): the commit does not wait for that.
    const deadline = performance.now() + PATIENCE;
    while ((fs.jobsUnderWay > 0 || fs.hasRetries) && performance.now() < deadline) {
      this.wait(this.events, 0, 100);
      this.runRetries();
    }
    fs.takeRetries();
    fs.indexing.finish(() => this.wait(this.events, 0, 1000));
    if (fs.readOnly) return 0;
    if (fs.commits.failed !== 0) return fs.commits.failed;
    for (;;) {
      const done = fs.known.buryAll();
      let durable = false;
      fs.commits.whenDurable(() => {
        durable = true;
      });
      while (!durable) this.wait(this.events, 0, 1000);
      if (done || fs.commits.failed !== 0) break;
    }
    while (fs.commits.busy) this.wait(this.events, 0, 1000);
    if (fs.commits.failed !== 0) return fs.commits.failed;
    this.closeJournal();
    return this.closeError;
  }

  /** Marks the journal clean, so that the next mount has nothing to replay. */
  private closeJournal(): void {
    const slot = this.fs.exchange.take(SPARE.commit);
    if (slot === undefined) return;
    slot.fields[anyJob.kind] = JOB.CLOSE;
    this.fs.exchange.submit(JOURNAL_QUEUE, slot);
    while (!this.closed) this.wait(this.events, 0, 1000);
  }

  /**
   * `signal`: which descriptor of the set is the eventfd. What a job that has come back changed may make a commit due, so
   * nobody may sleep after that before he has looked: when one was there already, this returns at once.
   */
  private wait(set: PollSet, signal: number, timeoutMs: number): Waited {
    const { exchange } = this.fs;
    if (this.collect()) return NOT_POLLED;
    if (timeoutMs !== 0) {
      exchange.willSleep(this.fs.needsSlots);
      if (this.collect()) {
        exchange.isAwake();
        return NOT_POLLED;
      }
    }
    const ready = set.wait(timeoutMs);
    if (timeoutMs !== 0) exchange.isAwake();
    if (ready > 0 && set.ready(signal) !== 0) drainEventFd(exchange.handle.eventFd);
    return this.collect() ? JOBS_BACK : NOTHING_BACK;
  }

  /** Takes back jobs that other threads have finished; whether there were any. */
  private collect(): boolean {
    const { fs } = this;
    for (let any = false; ; any = true) {
      const slot = fs.exchange.collect();
      if (slot === undefined) return any;
      this.take(slot);
    }
  }

  private take(slot: JobSlot): void {
    const kind = slot.fields[anyJob.kind];
    if (kind === JOB.COMMIT) this.fs.commits.finished(slot);
    else if (kind === JOB.CLOSE) {
      this.closed = true;
      this.closeError = slot.fields[commitJob.error]!;
    } else this.fs.returned(slot);
    this.runRetries();
  }

  private runAgain(works: ReadonlyArray<() => void>): void {
    for (const work of works) this.fs.retry(work);
    if (works.length > 0) this.runRetries();
  }

  private runDueRetries(): void {
    if (this.fs.retriesTimeout() === 0) this.runRetries();
  }

  private runRetries(): void {
    const { fs } = this;
    const works = fs.takeRetries();
    for (let i = 0; i < works.length; i++) {
      // Each may change as much as a request: what does not fit into this transaction is for the next.
      if (fs.commits.crowded) fs.commits.tend(performance.now());
      if (fs.commits.stalled) {
        fs.putBackRetries(works.slice(i));
        return;
      }
      works[i]!();
    }
  }

  /** `reads`: how many times it has been given up because it had to wait for the disk; `hasWaited`: for space, as AwaitSpace. */
  private serve(request: Request, reads = 0, hasWaited = false): void {
    const { fs, connection } = this;
    const { opcode, unique } = request;
    if (opcode === OPCODE.INIT) {
      this.init(request);
      return;
    }
    try {
      if (opcode === OPCODE.INTERRUPT && request.end >= minimumRequest(opcode)) {
        const waiting = interruptIn.unique.get(request.view, request.body);
        if (this.kept.has(waiting)) this.kept.set(waiting, true);
      }
      if (request.end < minimumRequest(opcode)) {
        if (expectsReply(opcode)) connection.fail(unique, errno.EIO);
        return;
      }
      const { store } = fs.volume;
      if (reads === MOST_READS) store.waitingAnyway(() => dispatch(fs, request));
      else if (canBeTriedAgain(opcode)) store.withoutWaiting(() => dispatch(fs, request));
      else dispatch(fs, request);
    } catch (thrown) {
      const error = fs.orAwaitSpace(thrown, hasWaited);
      if (error instanceof Park || error instanceof NeedCommit || error instanceof NeedRead) {
        this.keep(request, error, reads, hasWaited);
        return;
      }
      const code = fs.errnoOf(error);
      if (code === undefined) throw error;
      if (expectsReply(opcode)) connection.fail(unique, code);
    }
  }

  /** Copies a request that cannot be served now, to be tried again. */
  private keep(
    request: Request,
    reason: Park | NeedCommit | NeedRead,
    reads: number,
    hasWaited: boolean,
  ): void {
    const { fs, connection } = this;
    const awaitsSpace = reason instanceof AwaitSpace;
    if (reason instanceof NeedCommit && !awaitsSpace && !fs.canWait) {
      connection.fail(request.unique, errno.ENOSPC);
      return;
    }
    const copy = request.bytes === connection.input.bytes ? copyOf(request) : request;
    this.kept.set(copy.unique, false);
    const again = (): void => {
      const interrupted = this.kept.get(copy.unique) === true;
      this.kept.delete(copy.unique);
      // Who waits for a slot, for memory or for the disk has changed nothing yet.
      if (interrupted && !(reason instanceof NeedCommit)) connection.fail(copy.unique, errno.EINTR);
      else this.serve(copy, reason instanceof NeedRead ? reads + 1 : reads, hasWaited || awaitsSpace);
    };
    if (awaitsSpace) {
      fs.awaitedSpace.add(again);
      return;
    }
    if (reason instanceof NeedRead && this.warm(reason, again)) return;
    fs.retry(again);
    if (reason instanceof NeedCommit) fs.commits.whenDurable(() => {});
  }

  /** Has metadata read in by another thread; false when no job slot is free. */
  private warm({ position, bytes }: NeedRead, then: () => void): boolean {
    const { fs } = this;
    const slot = fs.exchange.take(SPARE.read);
    if (slot === undefined) return false;
    const { fields } = slot;
    fields[anyJob.kind] = JOB.WARM;
    fields[anyJob.unique] = 0;
    fields[warmJob.position] = position;
    fields[warmJob.bytes] = bytes;
    fs.pin(slot, () => {
      fs.volume.store.warmed(position, bytes);
      fs.retry(then);
    });
    fs.submit(READ_QUEUE, slot, 0);
    return true;
  }

  private init(request: Request): void {
    const { connection, fs } = this;
    const result = negotiate(request.view, request.body, request.end - request.body, WISHES);
    const out = connection.output.view;
    if (result.outcome === 'refused') {
      log(result.reason);
      connection.fail(request.unique, errno.EPROTO);
      return;
    }
    if (result.outcome === 'agreed') fs.initFlags = result.session.flags;
    const size =
      result.outcome === 'again'
        ? encodeMajorOut(out, Connection.PAYLOAD_AT)
        : encodeInitOut(out, Connection.PAYLOAD_AT, result.session);
    connection.send(request.unique, size);
  }
}

/** The request in memory of its own, to outlive the buffer it was read into. */
function copyOf(request: Request): Request {
  const bytes = request.bytes.slice(0, request.end);
  return { ...request, bytes, view: new DataView(bytes.buffer) };
}
