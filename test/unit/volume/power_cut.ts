import { finishOrphans, Volume } from '@vexfs/fuse/volume';
import { problemsOf } from './check.js';
import { MemoryDevice, type Step } from './memory_device.js';
import { type ContentRule, differenceOf, type Model } from './model.js';
import { Seeded } from './seeded.js';
import { openVolume, TestVolume, type VolumeChoices } from './test_volume.js';
import { Workload } from './workload.js';

/** What may be found after a cut between the steps of the device. */
interface Point {
  /** Steps of the device before the commit began, and when it had returned. */
  readonly begun: number;
  readonly returned: number;
  /** Operations begun by then. */
  readonly operation: number;
  /** States of the model that the commit may have written: before and after an operation under way. */
  readonly models: readonly Model[];
}

export interface CutPlan extends VolumeChoices {
  readonly mostBytes: number;
  readonly steps: number;
  readonly freeBudget: number;
  /** Percent of the operations behind which a commit begins, ends or both. */
  readonly commits: number;
}

/** A workload whose every write and flush was recorded, with what may be found after each commit. */
export class CutHistory {
  readonly steps: readonly Step[];
  readonly points: Point[] = [];
  readonly work: Workload;
  private readonly start: Uint8Array;

  constructor(plan: CutPlan, seed: number) {
    const random = new Seeded(seed);
    const target = TestVolume.make({ ...plan, records: true }, plan.freeBudget);
    this.start = target.device.bytes.slice();
    this.steps = target.device.steps;
    const work = new Workload(target, random, plan);
    this.work = work;
    let begun = 0;
    let operation = 0;
    let models: Model[] = [];
    this.points.push({ begun: 0, returned: 0, operation: 0, models: [work.model.copy()] });
    target.onFreeze = () => {
      operation = work.operations;
      models = [work.model.copy()];
      if (work.underway !== undefined) models.push(work.underway.copy());
    };
    target.onWrite = () => {
      begun = this.steps.length;
    };
    target.onCommit = () => {
      this.points.push({ begun, returned: this.steps.length, operation, models });
    };
    for (let step = 0; step < plan.steps; step++) {
      work.step();
      if (!random.chance(plan.commits)) continue;
      if (random.chance(40)) target.commit();
      else if (target.isCommitting) target.finishCommit();
      else target.beginCommit();
    }
    target.commit();
  }

  /**
   * Cuts the power behind each flush, and between it and the next flush with random parts of what was written since.
   * Calls `check` with the image; it is used again for the next cut. `perFlush` images for each flush.
   */
  cut(random: Seeded, perFlush: number, check: (image: Uint8Array, at: number, what: string) => void): void {
    const durable = this.start.slice();
    const image = new Uint8Array(durable.length);
    let from = 0;
    while (from < this.steps.length) {
      let flush = from;
      while (flush < this.steps.length && this.steps[flush]!.kind !== 'flush') flush += 1;
      for (let i = 0; i < perFlush; i++) {
        image.set(durable);
        const at = from + random.below(flush - from + 1);
        const what = this.applySome(image, from, at, random, i);
        check(image, at, what);
      }
      for (let i = from; i < flush; i++) apply(durable, this.steps[i]!);
      from = flush + 1;
    }
  }

  /** Writes some of the steps from..to-1, which no flush has made durable. */
  private applySome(image: Uint8Array, from: number, to: number, random: Seeded, way: number): string {
    const ways = [
      'none of them',
      'all of them',
      'half of them',
      'nearly all of them',
      'half of their sectors',
    ];
    const chosen = way % ways.length;
    for (let i = from; i < to; i++) {
      const step = this.steps[i]!;
      if (chosen === 1 || (chosen === 2 && random.chance(50)) || (chosen === 3 && random.chance(90))) {
        apply(image, step);
      } else if (chosen === 4) {
        applySectors(image, step, random);
      }
    }
    return `${ways[chosen]} of writes ${from} to ${to - 1}`;
  }

  /** Opens the image as after a crash; throws an Error when it is not sound or holds what it should not. */
  check(image: Uint8Array, at: number, freeBudget: number): void {
    const device = new MemoryDevice(image);
    const opened = openVolume(device);
    const before = problemsOf(opened.volume);
    if (before.length > 0)
      throw new Error(`not sound after the replay:\n  ${before.slice(0, 8).join('\n  ')}`);
    const target = new TestVolume(device, freeBudget);
    finishOrphans(target.volume, () => target.commit());
    this.compare(target.volume, at);
    target.commit();
    target.writer.close();
    const { volume } = Volume.open(device, { readOnly: true, deviceReadOnly: true });
    const after = problemsOf(volume);
    if (volume.superblock.orphanHead !== 0) after.push('orphans are left');
    if (after.length > 0) throw new Error(`not sound after recovery:\n  ${after.slice(0, 8).join('\n  ')}`);
  }

  private compare(volume: Volume, at: number): void {
    let last = 0;
    while (last + 1 < this.points.length && this.points[last + 1]!.returned <= at) last += 1;
    const differences: string[] = [];
    for (let i = last; i < this.points.length && (i === last || this.points[i]!.begun < at); i++) {
      const point = this.points[i]!;
      for (const model of point.models) {
        const difference = differenceOf(volume, model, this.rule(point, at));
        if (difference === undefined) return;
        differences.push(`  against commit ${i}: ${difference}`);
      }
    }
    throw new Error(`neither the last commit nor the one under way:\n${differences.join('\n')}`);
  }

  /** Bytes are those of the commit, or of a later write to the same place that the cut may have let through. */
  private rule(point: Point, at: number): ContentRule {
    return (node, found) => {
      if (Buffer.compare(node.content, found) === 0) return true;
      const versions = this.work.versions.get(node.number) ?? [];
      const later = versions.filter(
        ({ operation, fromStep }) => operation >= point.operation && fromStep < at,
      );
      return found.every((byte, i) => {
        return byte === node.content[i] || later.some(({ content }) => (content[i] ?? 0) === byte);
      });
    };
  }
}

function apply(image: Uint8Array, step: Step): void {
  if (step.kind === 'write') image.set(step.data, step.position);
}

const SECTOR = 512;

/** Of a write the device may have finished any of its sectors, each whole. */
function applySectors(image: Uint8Array, step: Step, random: Seeded): void {
  if (step.kind !== 'write') return;
  const end = step.position + step.data.length;
  for (let at = step.position; at < end; ) {
    const stop = Math.min(end, (Math.floor(at / SECTOR) + 1) * SECTOR);
    if (random.chance(50)) image.set(step.data.subarray(at - step.position, stop - step.position), at);
    at = stop;
  }
}
