/** The power is cut at every write of a workload; what is lost of the unflushed writes varies. */
import { type JournaledBlock, type JournalWriter, recover } from '@vexfs/fuse/journal';
import test, { type ExecutionContext } from 'ava';
import { MemoryDevice, type Step } from './memory-device.js';
import { contentOf, makeVolume, openWriter, randomNumbers, type ScratchVolume } from './scratch-volume.js';

const BLOCK = 1024;
const SECTOR = 512;
const POOL = 600;
/** With a block of revokes the most that a transaction takes; three of them fill the log. */
const FULL = 333;

/** The volume as it must be after a commit; `undefined` where data may or may not have landed yet. */
type Expected = readonly (Uint8Array | undefined)[];

interface Commit {
  /** Steps of the device before commit() was called and when it returned. */
  readonly begun: number;
  readonly done: number;
  readonly expected: Expected;
}

/**
 * A caller that does what a filesystem does: commits, writes in place sooner or later, revokes what it frees, writes
 * data over freed blocks once the transaction that freed them is committed, and allocates them as metadata again.
 */
class Caller {
  readonly commits: Commit[] = [];
  readonly #volume: ScratchVolume;
  readonly #writer: JournalWriter;
  readonly #random: (below: number) => number;
  readonly #delay: () => number;
  #expected: (Uint8Array | undefined)[];
  #pending: { sequence: number; blocks: Map<number, Uint8Array> }[] = [];
  #stamp: number;

  /** `delay`: how many transactions are committed and not yet written in place; without it that varies from 0 to 2. */
  constructor(
    volume: ScratchVolume,
    random: (below: number) => number,
    expected: Expected,
    stamp: number,
    delay?: number,
  ) {
    this.#volume = volume;
    this.#delay = () => delay ?? random(3);
    this.#writer = openWriter(volume);
    this.#random = random;
    this.#expected = [...expected];
    this.#stamp = stamp;
    this.#record(volume.device.steps.length);
  }

  step(size: number): void {
    const random = this.#random;
    const pool = this.#volume.area.start + this.#volume.area.blocks;
    const blocks: JournaledBlock[] = [];
    const first = random(POOL - size);
    for (let at = 0; at < size; at++) {
      if (at > 2 && size < FULL && random(10) === 0) continue;
      blocks.push({ number: pool + first + at, data: contentOf(BLOCK, this.#stamp++) });
    }
    const logged = new Set(blocks.map(({ number }) => number));
    const revoked = Array.from({ length: random(40) }, () => pool + random(POOL));
    const freed = [...new Set(revoked)].filter((number) => !logged.has(number));

    const begun = this.#volume.device.steps.length;
    const sequence = this.#writer.commit({ blocks, revoked });
    for (const { number, data } of blocks) this.#expected[number - pool] = data;
    for (const number of freed) this.#expected[number - pool] = undefined;
    this.#record(begun);

    this.#pending.push({ sequence, blocks: new Map(blocks.map(({ number, data }) => [number, data])) });
    for (const { blocks: waiting } of this.#pending) for (const number of freed) waiting.delete(number);
    while (this.#pending.length > this.#delay()) this.#writeInPlace();
    for (const number of freed) {
      const data = contentOf(BLOCK, this.#stamp++);
      this.#volume.device.write(number * BLOCK, data);
      this.#expected[number - pool] = data;
    }
  }

  close(): void {
    while (this.#pending.length > 0) this.#writeInPlace();
    const begun = this.#volume.device.steps.length;
    if (!this.#writer.close()) throw new Error('the journal is not clean');
    this.#record(begun);
  }

  #writeInPlace(): void {
    const { sequence, blocks } = this.#pending.shift()!;
    for (const [number, data] of blocks) this.#volume.device.write(number * BLOCK, data);
    this.#writer.checkpointed(sequence);
  }

  #record(begun: number): void {
    this.commits.push({ begun, done: this.#volume.device.steps.length, expected: [...this.#expected] });
  }
}

function apply(image: Uint8Array, step: Step, sectors: (sector: number) => boolean): void {
  if (step.kind === 'flush') return;
  for (let at = 0; at < step.data.length; at += SECTOR) {
    if (sectors(at / SECTOR)) image.set(step.data.subarray(at, at + SECTOR), step.position + at);
  }
}

/** What may be on the disk when only the first `cut` steps were made: whole, last write torn, or any sectors lost. */
function* outcomes(durable: Uint8Array, unflushed: readonly Step[], random: (below: number) => number) {
  const whole = durable.slice();
  for (const step of unflushed) apply(whole, step, () => true);
  yield whole;
  const last = unflushed.at(-1);
  if (last === undefined || last.kind === 'flush') return;
  const torn = durable.slice();
  for (const step of unflushed.slice(0, -1)) apply(torn, step, () => true);
  apply(torn, last, (sector) => sector < last.data.length / SECTOR / 2);
  yield torn;
  const scattered = durable.slice();
  for (const step of unflushed) apply(scattered, step, () => random(2) === 0);
  yield scattered;
  const reordered = durable.slice();
  for (const step of unflushed) if (random(2) === 0) apply(reordered, step, () => true);
  yield reordered;
}

function mismatch(image: Uint8Array, pool: number, expected: Expected): number | undefined {
  for (const [at, content] of expected.entries()) {
    if (content === undefined) continue;
    const position = (pool + at) * BLOCK;
    if (Buffer.compare(image.subarray(position, position + BLOCK), content) !== 0) return pool + at;
  }
  return undefined;
}

/** Recovers one outcome and says which of the allowed states it is in. */
function settle(
  t: ExecutionContext,
  image: Uint8Array,
  volume: ScratchVolume,
  allowed: Commit[],
  cut: string,
) {
  const device = new MemoryDevice(image);
  const pool = volume.area.start + volume.area.blocks;
  try {
    recover(device, volume.area, volume.blocks);
  } catch (error) {
    t.fail(`${cut}: ${error}`);
    return undefined;
  }
  const wrong = allowed.map(({ expected }) => mismatch(image, pool, expected));
  const found = wrong.indexOf(undefined);
  if (found < 0) t.fail(`${cut}: blocks ${wrong.join(' or ')} are not as after a whole commit`);
  return found < 0 ? undefined : { device, state: allowed[found]! };
}

/** Cuts a workload at every write of its commits. Returns how many outcomes were checked, and in how many the commit in flight survived. */
function cutEverywhere(t: ExecutionContext, sizes: readonly number[], seed: number, delay?: number) {
  const volume = makeVolume(BLOCK);
  const initial: Expected = Array.from({ length: POOL }, () => new Uint8Array(BLOCK));
  const durable = volume.device.bytes.slice();
  volume.device.steps.length = 0;
  const caller = new Caller(volume, randomNumbers(seed), initial, seed * 100000, delay);
  for (const size of sizes) caller.step(size);
  caller.close();

  const random = randomNumbers(seed + 77);
  let unflushed: Step[] = [];
  let checked = 0;
  let survived = 0;
  for (let cut = 0; cut <= volume.device.steps.length; cut++) {
    const last = volume.device.steps[cut - 1];
    if (last !== undefined) unflushed.push(last);
    if (last?.kind === 'flush') {
      for (const step of unflushed) apply(durable, step, () => true);
      unflushed = [];
    }
    const done = caller.commits.filter((commit) => commit.done <= cut).slice(-1);
    const inFlight = caller.commits.filter((commit) => commit.begun < cut && cut < commit.done);
    // Between commits only writes in place happen: some of them are enough.
    if (inFlight.length === 0 && cut % 11 !== 0 && last?.kind !== 'flush') continue;
    for (const image of outcomes(durable, unflushed, random)) {
      const what = `seed ${seed}, cut ${cut}, outcome ${checked}`;
      const settled = settle(t, image, volume, [...done, ...inFlight], what);
      if (settled === undefined) return { checked, survived };
      checked++;
      if (settled.state === inFlight[0]) survived++;
      if (checked % 16 === 0) continueAfter(t, { ...volume, device: settled.device }, settled.state, what);
    }
  }
  return { checked, survived };
}

/** Works on after a crash and crashes again: remains of the first log must not disturb the second recovery. */
function continueAfter(t: ExecutionContext, volume: ScratchVolume, from: Commit, what: string): void {
  const caller = new Caller(volume, randomNumbers(5), from.expected, 77000000);
  caller.step(10);
  caller.step(40);
  settle(t, volume.device.bytes.slice(), volume, caller.commits.slice(-1), `${what}, second crash`);
}

test('after any cut the volume is as after the last commit that returned, or the one in flight', (t) => {
  const { checked, survived } = cutEverywhere(t, [3, 20, 1, 8, 2, 15], 1);
  t.true(checked > 100 && survived > 0, `${checked} outcomes, in ${survived} the commit in flight survived`);
});

test('the same holds while large transactions go round the log and its tail moves', (t) => {
  const sizes = [300, 120, 310, 40, 320, 250, 330, 5, 200, 300];
  const { checked, survived } = cutEverywhere(t, sizes, 2);
  t.true(checked > 100 && survived > 0, `${checked} outcomes, in ${survived} the commit in flight survived`);
});

test('the same holds when the log is so full that a commit must wait for space', (t) => {
  const { checked, survived } = cutEverywhere(t, Array(8).fill(FULL), 3, 2);
  t.true(checked > 100 && survived > 0, `${checked} outcomes, in ${survived} the commit in flight survived`);
});
