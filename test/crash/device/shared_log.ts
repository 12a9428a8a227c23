/**
 * Memory that the server of a recorded disk and the test share: the disk's bytes, and every write and flush in the order in
 * which the disk answered them. The server appends, the test reads what lies before the count.
 */
import type { Step } from '../../unit/volume/memory_device.js';

/** What a disk can be told to fail at. */
export const CALLS = { read: 1, write: 2, flush: 3 } as const;
export type Call = keyof typeof CALLS;

/** Which call fails: the one behind `after` others of its kind. */
export interface Fault {
  readonly call: Call;
  readonly after: number;
  /** Positive. */
  readonly errno: number;
  /** Whether later calls of the kind fail too. Otherwise only reads of the same place do, as of a bad sector. */
  readonly lasting: boolean;
}

/** The largest unit that a crash leaves whole. */
export const SECTOR = 512;

/** Words of the control block. */
const STEPS = 0;
const DATA = 1;
const ARMED = 2;
const LEFT = 3;
const ERRNO = 4;
const LASTING = 5;
const HITS = 6;
const OVERFLOWN = 7;
/** Whether the server has not seen the armed fault yet. */
const FRESH = 12;
/** Whether reads are to wait, and how many do. */
const HOLD = 13;
const HELD = 14;
/** From here on, by CALLS: how many calls there were. */
const COUNTS = 8;
const CONTROL = 16;

const FIELDS = 4;
const MOST_STEPS = 1 << 20;
/** Only what is touched takes memory. */
const MOST_DATA = 1 << 30;

/** The buffers, fit for a message to a worker. */
export interface SharedLogHandle {
  readonly control: SharedArrayBuffer;
  readonly steps: SharedArrayBuffer;
  readonly data: SharedArrayBuffer;
  readonly image: SharedArrayBuffer;
}

export class SharedLog {
  readonly handle: SharedLogHandle;
  /** The disk as it is now, durable or not. */
  readonly image: Uint8Array;
  private readonly control: Int32Array;
  private readonly steps: Float64Array;
  private readonly data: Uint8Array;
  /** Where a fault without `lasting` has hit a read. */
  private badSector: { readonly from: number; readonly to: number } | undefined;

  static create(bytes: number): SharedLog {
    return new SharedLog({
      control: new SharedArrayBuffer(CONTROL * 4),
      steps: new SharedArrayBuffer(MOST_STEPS * FIELDS * 8),
      data: new SharedArrayBuffer(MOST_DATA),
      image: new SharedArrayBuffer(bytes),
    });
  }

  constructor(handle: SharedLogHandle) {
    this.handle = handle;
    this.control = new Int32Array(handle.control);
    this.steps = new Float64Array(handle.steps);
    this.data = new Uint8Array(handle.data);
    this.image = new Uint8Array(handle.image);
  }

  /** Steps so far. */
  get count(): number {
    return Atomics.load(this.control, STEPS);
  }

  /** Calls of a kind since the last `clear`. */
  calls(call: Call): number {
    return Atomics.load(this.control, COUNTS + CALLS[call]);
  }

  /** Calls that have failed because of a fault. */
  get hits(): number {
    return Atomics.load(this.control, HITS);
  }

  /** Forgets the steps and the counts. */
  clear(): void {
    for (const word of [STEPS, DATA, HITS, COUNTS + 1, COUNTS + 2, COUNTS + 3])
      Atomics.store(this.control, word, 0);
  }

  /** The step at `index`; its data is the log's own memory, valid until `clear`. Throws when the log was too small. */
  step(index: number): Step {
    if (Atomics.load(this.control, OVERFLOWN) !== 0) throw new Error('the log of the recorded disk is full');
    const at = index * FIELDS;
    if (this.steps[at] === CALLS.flush) return { kind: 'flush' };
    const from = this.steps[at + 3]!;
    const data = this.data.subarray(from, from + this.steps[at + 2]!);
    return { kind: 'write', position: this.steps[at + 1]!, data };
  }

  arm({ call, after, errno, lasting }: Fault): void {
    Atomics.store(this.control, LEFT, after);
    Atomics.store(this.control, ERRNO, errno);
    Atomics.store(this.control, LASTING, lasting ? 1 : 0);
    Atomics.store(this.control, FRESH, 1);
    Atomics.store(this.control, ARMED, CALLS[call]);
  }

  /** From now on reads wait until they are released, as on a disk that takes its time. */
  holdReads(): void {
    Atomics.store(this.control, HOLD, 1);
  }

  releaseReads(): void {
    Atomics.store(this.control, HOLD, 0);
  }

  get holdsReads(): boolean {
    return Atomics.load(this.control, HOLD) !== 0;
  }

  /** Reads that wait now. */
  get heldReads(): number {
    return Atomics.load(this.control, HELD);
  }

  /** Server: so many wait. */
  set heldReads(count: number) {
    Atomics.store(this.control, HELD, count);
  }

  disarm(): void {
    Atomics.store(this.control, ARMED, 0);
  }

  /** Server: a write was done. */
  addWrite(position: number, bytes: Uint8Array): void {
    this.image.set(bytes, position);
    this.add(CALLS.write, position, bytes);
  }

  /** Server: a flush was done. */
  addFlush(): void {
    this.add(CALLS.flush, 0, NOTHING);
  }

  private add(kind: number, position: number, bytes: Uint8Array): void {
    const count = this.count;
    const used = Atomics.load(this.control, DATA);
    if (count === MOST_STEPS || used + bytes.length > MOST_DATA) {
      Atomics.store(this.control, OVERFLOWN, 1);
      return;
    }
    this.data.set(bytes, used);
    this.steps.set([kind, position, bytes.length, used], count * FIELDS);
    Atomics.store(this.control, DATA, used + bytes.length);
    Atomics.store(this.control, STEPS, count + 1);
  }

  /** Server: counts a call; the errno that it has to fail with, or 0. */
  fails(call: Call, position: number, length: number): number {
    const { control } = this;
    Atomics.add(control, COUNTS + CALLS[call], 1);
    const armed = Atomics.load(control, ARMED);
    if (Atomics.exchange(control, FRESH, 0) === 1) this.badSector = undefined;
    if (armed !== CALLS[call]) return 0;
    const bad = this.badSector;
    const hitsBadSector =
      bad !== undefined && call === 'read' && position < bad.to && position + length > bad.from;
    const left = Atomics.sub(control, LEFT, 1);
    const isDue = left === 0 || (left < 0 && Atomics.load(control, LASTING) !== 0);
    if (!isDue && !hitsBadSector) return 0;
    if (left === 0 && call === 'read') this.badSector = { from: position, to: position + length };
    Atomics.add(control, HITS, 1);
    return Atomics.load(control, ERRNO);
  }
}

const NOTHING = new Uint8Array(0);
