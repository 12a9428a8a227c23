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
import { drainEventFd, errno, PollSet, yieldProcessor } from '../system/index.js';
import { NeedCommit, NeedRead } from '../volume/index.js';
import { dispatch } from './dispatch.js';
import { JOURNAL_QUEUE, type JobSlot, READ_QUEUE, SPARE } from './exchange.js';
import type { Filesystem } from './filesystem.js';
import { HaltPolling } from './halt_polling.js';
import { COMMIT_ERROR, JOB, KIND, UNIQUE, WARM_BYTES, WARM_POSITION } from './jobs.js';
import { log } from './log.js';
import { Park } from './park.js';
import { canBeTriedAgain } from './reading_requests.js';

/** Bytes of one WRITE at most. */
export const MAX_WRITE = 1 << 20;
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
      fs.reap();
    };
  }

  /** Returns the errno that kept the last changes from the volume, or 0. */
  run(): number {
    const { fs, connection } = this;
    let burst = 0;
    // One caller's next request is hardly ever there yet, so a read that must fail is saved: the device is polled first. Every
    // BURST requests a read is tried at once, and while such reads find something there is no polling.
    let waits = false;
    while (!this.mayLeave()) {
      if (fs.commits.stalled) {
        this.wait(this.events, 0, -1);
        continue;
      }
      if (waits && !this.rest()) continue;
      const length = connection.receive();
      if (length === -errno.ENODEV || length === -errno.ECONNABORTED) break;
      if (length === -errno.EAGAIN) {
        waits = true;
        burst = 0;
        continue;
      }
      if (length < 0) throw new Error(`reading /dev/fuse failed: errno ${-length}`);
      this.serve(decodeRequest(connection.input.bytes, connection.input.view, length));
      burst += 1;
      if (burst === BURST || fs.commits.crowded) {
        burst = 0;
        waits = false;
        this.collect();
        fs.commits.tend(performance.now());
        fs.trim();
      }
    }
    return this.finish();
  }

  /**
   * Tidies up and sleeps until there is a request, a finished job or a commit that is due. Returns whether the device has
   * something to say.
   */
  private rest(): boolean {
    const { fs, polling, polled } = this;
    fs.trim();
    let now = performance.now();
    const timeout = fs.commits.tend(now);
    const timeoutMs = fs.exchange.leaving ? LEAVING_STEP : timeout;
    const end = polling.until(now);
    if (end > now) {
      while (now < end) {
        const waited = this.wait(polled, 1, 0);
        const isThere = waited !== NOT_POLLED && polled.ready(0) !== 0;
        if (waited !== NOTHING_BACK || isThere || polled.ready(1) !== 0) {
          polling.paidOff();
          return isThere;
        }
        // Who is waited for may need this processor.
        yieldProcessor();
        now = performance.now();
      }
      polling.inVain();
    }
    if (this.wait(polled, 1, timeoutMs) === NOT_POLLED) return false;
    const isThere = polled.ready(0) !== 0;
    if (isThere || polled.ready(1) !== 0) polling.slept(performance.now() - now);
    return isThere;
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
      const done = fs.buryAll();
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
    slot.fields[KIND] = JOB.CLOSE;
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
    const kind = slot.fields[KIND];
    if (kind === JOB.COMMIT) this.fs.commits.finished(slot);
    else if (kind === JOB.CLOSE) {
      this.closed = true;
      this.closeError = slot.fields[COMMIT_ERROR]!;
    } else this.fs.returned(slot);
    this.runRetries();
  }

  private runRetries(): void {
    const { fs } = this;
    if (!fs.hasRetries) return;
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

  /** `reads`: how many times it has been given up because it had to wait for the disk. */
  private serve(request: Request, reads = 0): void {
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
    } catch (error) {
      if (error instanceof Park || error instanceof NeedCommit || error instanceof NeedRead) {
        this.keep(request, error, reads);
        return;
      }
      const code = fs.errnoOf(error);
      if (code === undefined) throw error;
      if (expectsReply(opcode)) connection.fail(unique, code);
    }
  }

  /** Copies a request that cannot be served now, to be tried again. */
  private keep(request: Request, reason: Park | NeedCommit | NeedRead, reads: number): void {
    const { fs, connection } = this;
    if (reason instanceof NeedCommit && !fs.canWait) {
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
      else this.serve(copy, reason instanceof NeedRead ? reads + 1 : reads);
    };
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
    fields[KIND] = JOB.WARM;
    fields[UNIQUE] = 0;
    fields[WARM_POSITION] = position;
    fields[WARM_BYTES] = bytes;
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
