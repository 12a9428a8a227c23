import { DeviceError, finishOrphans } from '@vexfs/fuse/volume';
import test from 'ava';
import { assertSound } from './check.js';
import { MemoryDevice } from './memory_device.js';
import { type ContentRule, differenceOf, exactly, type Model } from './model.js';
import { chosen, Seeded } from './seeded.js';
import { TestVolume } from './test_volume.js';
import { Workload } from './workload.js';

const CHOICES = { blockSize: 1024, dataBlocks: 260, inodes: 48 };
const PLAN = { mostBytes: 30 * 1024, names: 40 };

interface Base {
  readonly image: Uint8Array;
  readonly model: Model;
}

/** A volume on which a good deal has happened. */
function prepare(seed: number): Base {
  const target = TestVolume.make(CHOICES, 2);
  const work = new Workload(target, new Seeded(seed), PLAN);
  for (let i = 0; i < 160; i++) work.step();
  work.deleteDoomed();
  target.commit();
  target.writer.close();
  return { image: target.device.bytes.slice(), model: work.model };
}

/** The base opened anew, with an empty cache, before operation `seed`. */
function begin(base: Base, seed: number): { target: TestVolume; work: Workload } {
  const target = new TestVolume(new MemoryDevice(base.image.slice()), 2);
  const work = new Workload(target, new Seeded(seed), PLAN);
  work.model = base.model.copy();
  return { target, work };
}

/** Bytes are the model's, or those of a write that was done or failed behind it. */
function written(work: Workload): ContentRule {
  return (node, found) => {
    const versions = work.versions.get(node.number) ?? [];
    return found.every((byte, i) => {
      return byte === node.content[i] || versions.some(({ content }) => (content[i] ?? 0) === byte);
    });
  };
}

function agree(
  target: TestVolume,
  models: ReadonlyArray<Model | undefined>,
  when: string,
  rule: ContentRule = exactly,
): void {
  assertSound(target.volume, when);
  const differences = models.map((model) => model && differenceOf(target.volume, model, rule));
  if (models.some((model, i) => model !== undefined && differences[i] === undefined)) return;
  throw new Error(`${when}: ${differences.filter((one) => one !== undefined).join(' | ')}`);
}

/** Opens what is on the device as after a crash. */
function recovered(target: TestVolume): TestVolume {
  const again = new TestVolume(new MemoryDevice(target.device.bytes.slice()), 2);
  assertSound(again.volume, 'after the replay');
  finishOrphans(again.volume, () => again.commit());
  again.commit();
  return again;
}

/** Fails call `call` of an operation; returns whether there was such a call. */
function failOne(base: Base, seed: number, call: number): boolean {
  const { target, work } = begin(base, seed);
  const { device } = target;
  device.failAt = device.calls + call;
  const committed: Array<Model | undefined> = [work.model.copy()];
  target.onCommit = () => {
    committed.push(work.model.copy(), work.underway?.copy());
  };
  const before = work.model.copy();
  let failed = false;
  try {
    work.step();
  } catch (error) {
    if (!(error instanceof DeviceError)) throw error;
    failed = true;
  }
  const reached = device.calls > device.failAt;
  device.failAt = -1;
  const now = [work.model, failed ? before : undefined, work.underway];
  agree(target, now, `in memory, ${work.last}`, written(work));
  agree(recovered(target), [...committed, ...now], `after a crash, ${work.last}`, written(work));
  if (target.writer.failed) return reached;
  // What failed can be done again, and committed.
  if (failed) {
    work.underway = undefined;
    work.deleteDoomed();
  }
  target.commit();
  agree(recovered(target), now, `after a commit, ${work.last}`, written(work));
  return reached;
}

test('an operation that the device fails at any call leaves a sound volume, in memory and after a crash', (t) => {
  const first = chosen('VEXFS_TEST_SEED', 1);
  const runs = chosen('VEXFS_TEST_RUNS', 2);
  let failures = 0;
  for (let seed = first; seed < first + runs; seed++) {
    const base = prepare(seed);
    for (let operation = 0; operation < 60; operation++) {
      for (let call = 0; ; call++) {
        const what = `seed ${seed}, operation ${operation}, call ${call}`;
        try {
          if (!failOne(base, seed * 1000 + operation, call)) break;
          failures += 1;
        } catch (error) {
          throw new Error(`${what}: ${(error as Error).message}`, { cause: error });
        }
      }
    }
  }
  t.log(`${failures} failures of the device`);
  t.true(failures > 100 * runs);
});

test('a commit that the device fails at any call leaves the state before it or after it', (t) => {
  const base = prepare(7);
  let failures = 0;
  for (let call = 0; ; call++) {
    const { target, work } = begin(base, 77);
    for (let i = 0; i < 12; i++) work.step();
    const before = recovered(target);
    target.device.failAt = target.device.calls + call;
    target.device.failsForGood = true;
    try {
      target.commit();
      break;
    } catch (error) {
      t.true(error instanceof DeviceError);
      failures += 1;
    }
    const again = recovered(target);
    const isOld = isSame(again, before);
    if (!isOld) agree(again, [work.model], `call ${call}`);
  }
  t.log(`${failures} failures of the device`);
  t.true(failures > 10);
});

/** Whether two volumes hold the same names; what a commit of several operations brings can be told by them. */
function isSame(one: TestVolume, other: TestVolume): boolean {
  const { superblock: a } = one.volume;
  const { superblock: b } = other.volume;
  return a.freeBlocks === b.freeBlocks && a.freeInodes === b.freeInodes;
}
