import {
  allocateMemory,
  check,
  createBell,
  memoryAt,
  signalEventFd,
  waitForSignal,
} from '../system/index.js';
import { HaltPolling } from './halt_polling.js';

/** Jobs that may be under way at once. A request that finds none free waits in the device. */
export const SLOTS = 64;
/** Numbers that a job carries. */
export const FIELDS = 32;
/**
 * Slots that each kind of job leaves free for those below it. A job on a caller's memory may wait for a page of this
 * mount, so for an announcement or a read; an announcement for a read, or for a write that waits for a commit; a read for the disk
 * alone. So none of them may take the last slot of what it waits for.
 */
export const SPARE = { caller: 16, announcement: 8, read: 2, commit: 0 } as const;
/** Slots that the callers of one user may have at once, whose memory may never come: others find one. */
export const MOST_OF_ONE_USER = 32;
/** Bytes that a job carries: an ioctl argument (16,383 at most), or the segments of a read. */
export const PAYLOAD = 20480;

export const ENGINE_QUEUE = 0;
export const JOURNAL_QUEUE = 1;
export const READ_QUEUE = 2;
export const WRITE_QUEUE = 3;
export const INDEX_QUEUE = 4;
const QUEUES = 5;
/** Above the number of slots, so that no queue ever overflows. */
const RING = 128;

/**
 * Words in front of the rings: of each queue head and tail, how many workers sleep and how many poll; head of the completions;
 * whether the FUSE thread sleeps (one of AWAKE, ASLEEP, EAGER), whether it is asked to end, and whether the workers are.
 */
const HEAD = 0;
const TAIL = 1;
const SLEEPING = 2;
const POLLING = 3;
const WORDS = 4;
const DONE_HEAD = QUEUES * WORDS;
const FUSE_SLEEP = DONE_HEAD + 1;
const LEAVE = DONE_HEAD + 2;
const STOP = DONE_HEAD + 3;
const CONTROL = 32;

/** Asleep, it is woken by jobs that come back for more work; eager, by every job. */
const AWAKE = 0;
const ASLEEP = 1;
const EAGER = 2;

/** Each slot has a word that asks it to end, one that tells since when it is at its caller's memory, its numbers and its payload. */
const MEMORY = SLOTS * (2 * 4 + FIELDS * 8 + PAYLOAD);

/** Signals that end every worker of a queue, however many there are. */
const ALL = 1024;

/** Milliseconds as all threads count them, in 30 bits and never 0; performance.now() begins anew in each. */
const CLOCK_MASK = 0x3fff_ffff;
const clock = (): number => Date.now() & CLOCK_MASK || 1;

/** What a thread needs to join an exchange. */
export interface ExchangeHandle {
  /** The rings. */
  readonly buffer: SharedArrayBuffer;
  /** Where the slots lie: system calls and the engine take their addresses. */
  readonly address: number;
  readonly eventFd: number;
  /** By queue: what its workers sleep on. */
  readonly bells: readonly number[];
}

/** A job's place: the same memory for every thread. Who holds the job may use it, nobody else. */
export interface JobSlot {
  readonly index: number;
  readonly fields: Float64Array;
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** Address of `bytes`. */
  readonly address: number;
}

/**
 * How the FUSE thread hands jobs to the other threads and gets them back: slots in shared memory, a ring of slot numbers
 * for each kind of worker (one producer, many consumers), each with an eventfd that its workers sleep on (Atomics.wait and
 * notify of all threads share one lock of V8, which costs more than the job when many are under way), and one ring of completions (many
 * producers) with an eventfd that the FUSE thread polls. A slot stands in at most one ring.
 *
 * Nobody is signalled who is awake: who goes to sleep says so first and then looks into his ring once more, and who puts something into a
 * ring looks afterwards whether somebody sleeps. Atomics are sequentially consistent, so one of them sees the other.
 */
export class Exchange {
  readonly handle: ExchangeHandle;
  readonly slots: readonly JobSlot[];
  private readonly words: Int32Array;
  /** One word a job, polled by the engine's loops: not 0 asks the job to end with EINTR. */
  private readonly interrupts: Int32Array;
  private readonly interruptsAddress: number;
  /** By job: since when it moves bytes from or to its caller's memory (`clock`), 0 while it does not. */
  private readonly atCaller: Int32Array;
  private readonly free: number[] = [];
  /** Whose call a slot is taken for, by slot, and how many each of these users has. */
  private readonly users: (number | undefined)[] = [];
  private readonly taken = new Map<number, number>();
  private readonly polling = new HaltPolling();
  private collected = 0;

  /** Throws SystemCallError when there are no descriptors left. */
  static create(eventFd: number): Exchange {
    const buffer = new SharedArrayBuffer((CONTROL + RING * (QUEUES + 1)) * 4);
    const bells = Array.from({ length: QUEUES }, () => check(createBell(), 'cannot make an eventfd'));
    return new Exchange({ buffer, address: allocateMemory(MEMORY).address, eventFd, bells });
  }

  constructor(handle: ExchangeHandle) {
    this.handle = handle;
    this.words = new Int32Array(handle.buffer);
    const memory = memoryAt(handle.address, MEMORY);
    const { buffer, byteOffset } = memory.bytes;
    this.interrupts = new Int32Array(buffer, byteOffset, SLOTS);
    this.interruptsAddress = handle.address;
    this.atCaller = new Int32Array(buffer, byteOffset + SLOTS * 4, SLOTS);
    this.slots = Array.from({ length: SLOTS }, (_, index) => {
      const at = SLOTS * 2 * 4 + index * (FIELDS * 8 + PAYLOAD);
      const payload = at + FIELDS * 8;
      return {
        index,
        fields: new Float64Array(buffer, byteOffset + at, FIELDS),
        bytes: memory.bytes.subarray(payload, payload + PAYLOAD),
        view: new DataView(buffer, byteOffset + payload, PAYLOAD),
        address: handle.address + payload,
      };
    });
    for (let index = SLOTS - 1; index >= 0; index--) this.free.push(index);
  }

  /** FUSE thread: how many slots can still be taken. */
  get available(): number {
    return this.free.length;
  }

  /**
   * FUSE thread: an unused slot, or undefined when no more than `spare` (one of SPARE) are left, or `user`, for whose call it is, has
   * MOST_OF_ONE_USER.
   */
  take(spare: number, user?: number): JobSlot | undefined {
    if (this.free.length <= spare) return undefined;
    const taken = user === undefined ? 0 : (this.taken.get(user) ?? 0);
    if (taken >= MOST_OF_ONE_USER) return undefined;
    const index = this.free.pop();
    if (index === undefined) return undefined;
    if (user !== undefined) this.taken.set(user, taken + 1);
    this.users[index] = user;
    Atomics.store(this.interrupts, index, 0);
    return this.slots[index]!;
  }

  /** FUSE thread: the job is over. */
  give(slot: JobSlot): void {
    this.free.push(slot.index);
    const user = this.users[slot.index];
    if (user === undefined) return;
    const taken = this.taken.get(user)! - 1;
    if (taken === 0) this.taken.delete(user);
    else this.taken.set(user, taken);
  }

  /** FUSE thread: asks a job to end with EINTR. */
  interrupt(slot: JobSlot): void {
    Atomics.store(this.interrupts, slot.index, 1);
  }

  isInterrupted(slot: JobSlot): boolean {
    return Atomics.load(this.interrupts, slot.index) !== 0;
  }

  /** Worker: from now on the job waits for its caller's memory, which may not come. */
  entersCaller(slot: JobSlot): void {
    Atomics.store(this.atCaller, slot.index, clock());
  }

  leavesCaller(slot: JobSlot): void {
    Atomics.store(this.atCaller, slot.index, 0);
  }

  /** FUSE thread: jobs that have waited for memory of their callers for so many milliseconds. */
  held(milliseconds: number): number {
    const now = clock();
    let count = 0;
    for (let index = 0; index < SLOTS; index++) {
      const since = Atomics.load(this.atCaller, index);
      if (since !== 0 && ((now - since) & CLOCK_MASK) >= milliseconds) count += 1;
    }
    return count;
  }

  /** Where the engine finds the interrupt word of a job. */
  interruptAddress(slot: JobSlot): number {
    return this.interruptsAddress + slot.index * 4;
  }

  /** FUSE thread: gives a job to a worker of the queue. */
  submit(queue: number, slot: JobSlot): void {
    const { words } = this;
    const at = queue * WORDS;
    const head = Atomics.load(words, at + HEAD);
    Atomics.store(words, CONTROL + queue * RING + (head & (RING - 1)), slot.index);
    Atomics.store(words, at + HEAD, (head + 1) | 0);
    // One that polls takes the job, or finds it when it goes to sleep.
    const waiting = (head + 1 - Atomics.load(words, at + TAIL)) | 0;
    if (waiting <= Atomics.load(words, at + POLLING)) return;
    if (Atomics.load(words, at + SLEEPING) > 0) signalEventFd(this.handle.bells[queue]!);
  }

  /** Worker: waits for a job; undefined when the daemon stops. */
  next(queue: number): JobSlot | undefined {
    const { words, polling } = this;
    const at = queue * WORDS;
    for (;;) {
      const slot = this.pop(queue) ?? this.poll(queue);
      if (slot !== undefined) return slot;
      Atomics.add(words, at + SLEEPING, 1);
      const late = this.pop(queue);
      if (late === undefined && Atomics.load(words, STOP) === 0) {
        const since = performance.now();
        waitForSignal(this.handle.bells[queue]!);
        polling.slept(performance.now() - since);
      }
      Atomics.sub(words, at + SLEEPING, 1);
      if (late !== undefined) return late;
      if (Atomics.load(words, STOP) !== 0) return undefined;
    }
  }

  /** Worker: looks for a job for a moment, if that helped lately. */
  private poll(queue: number): JobSlot | undefined {
    const { words, polling } = this;
    const at = queue * WORDS;
    Atomics.add(words, at + POLLING, 1);
    const found = polling.poll(() => Atomics.load(words, at + TAIL) !== Atomics.load(words, at + HEAD));
    // Before the job is taken: who puts in the next one must not count on this worker any more.
    Atomics.sub(words, at + POLLING, 1);
    return found ? this.pop(queue) : undefined;
  }

  private pop(queue: number): JobSlot | undefined {
    const { words } = this;
    const at = queue * WORDS;
    for (;;) {
      const tail = Atomics.load(words, at + TAIL);
      if (tail === Atomics.load(words, at + HEAD)) return undefined;
      const index = Atomics.load(words, CONTROL + queue * RING + (tail & (RING - 1)));
      if (Atomics.compareExchange(words, at + TAIL, tail, (tail + 1) | 0) === tail) return this.slots[index]!;
    }
  }

  /** Worker: hands the job back to the FUSE thread. */
  complete(slot: JobSlot): void {
    this.putBack(slot);
    if (Atomics.load(this.words, FUSE_SLEEP) !== AWAKE) signalEventFd(this.handle.eventFd);
  }

  /**
   * Worker: hands back a job that has answered its request. The FUSE thread finds it when it next looks, and is woken only
   * when it waits for slots, or when a later job that woke it stands behind this one in the ring.
   */
  completeQuietly(slot: JobSlot): void {
    const { words } = this;
    const position = this.putBack(slot);
    const sleep = Atomics.load(words, FUSE_SLEEP);
    const isLast = Atomics.load(words, DONE_HEAD) === ((position + 1) | 0);
    if (sleep === EAGER || (sleep === ASLEEP && !isLast)) signalEventFd(this.handle.eventFd);
  }

  private putBack(slot: JobSlot): number {
    const { words } = this;
    const position = Atomics.add(words, DONE_HEAD, 1);
    Atomics.store(words, CONTROL + QUEUES * RING + (position & (RING - 1)), slot.index + 1);
    return position;
  }

  /** FUSE thread: about to sleep; `eager`: every job is to wake it. To be followed by `collect` before it sleeps. */
  willSleep(eager: boolean): void {
    Atomics.store(this.words, FUSE_SLEEP, eager ? EAGER : ASLEEP);
  }

  /** FUSE thread: awake again. */
  isAwake(): void {
    Atomics.store(this.words, FUSE_SLEEP, AWAKE);
  }

  /** FUSE thread: the next job that came back, or undefined. A job announced but not yet stored is found at its signal. */
  collect(): JobSlot | undefined {
    const at = CONTROL + QUEUES * RING + (this.collected & (RING - 1));
    const value = Atomics.load(this.words, at);
    if (value === 0) return undefined;
    Atomics.store(this.words, at, 0);
    this.collected = (this.collected + 1) | 0;
    return this.slots[value - 1]!;
  }

  /** Any thread: the FUSE thread leaves its loop, and ends when everything is committed. */
  leave(): void {
    Atomics.store(this.words, LEAVE, 1);
    signalEventFd(this.handle.eventFd);
  }

  get leaving(): boolean {
    return Atomics.load(this.words, LEAVE) !== 0;
  }

  /** Any thread: workers end when their queue is empty. Only when the FUSE thread has ended: it needs them to commit. */
  stop(): void {
    Atomics.store(this.words, STOP, 1);
    for (const bell of this.handle.bells) signalEventFd(bell, ALL);
  }
}
