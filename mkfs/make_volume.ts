import { statSync, unlinkSync } from 'node:fs';
import type { FileDevice } from '@vexfs/fuse/system';
import { type FormatPlan, formatVolume, planFormat } from '@vexfs/fuse/volume';
import type { Arguments } from './arguments.js';
import { discardAll, eraseSignatures } from './erase.js';
import { Failure } from './failure.js';
import { createImage, extendImage, inspectTarget, lockTarget, refuseContent } from './target.js';

/** What the person in front of the terminal is shown while it happens. */
export interface Observer {
  planned(plan: FormatPlan): void;
  progress(what: string, done: number, of: number): void;
}

/**
 * Makes the volume that the arguments ask for, or with dryRun goes as far as it can without writing. No signal is
 * caught: one that ends the program leaves a target that is not recognised as anything. Throws Failure.
 */
export async function makeVolume(args: Arguments, observer: Observer): Promise<void> {
  const { target } = args;
  const state = await inspectTarget(target, args.sizeBytes);
  if (state.kind === 'missing') {
    const plan = planOf(args, args.sizeBytes!);
    if (args.dryRun) {
      observer.planned(plan);
      return;
    }
    createImage(target, args.sizeBytes!);
    const device = await lockTarget(target, false);
    closing(device, () => {
      observer.planned(plan);
      try {
        formatVolume(device, plan);
      } catch (error) {
        // Still under the lock: nobody else can have begun to use what goes away.
        unlinkSync(target);
        throw error;
      }
    });
    return;
  }
  const plan = planOf(args, state.bytes);
  const locked = await lockTarget(target, args.dryRun);
  closing(locked, () => {
    if (!args.force) refuseContent(locked);
    observer.planned(plan);
    if (args.dryRun) return;
    const device =
      locked.isBlockDevice || locked.size === state.bytes ? locked : extendImage(locked, state.bytes);
    closing(device, () => {
      // What lies behind --size on a device is not the volume's.
      eraseSignatures(device, state.bytes);
      if (args.discard && (device.isBlockDevice || statSync(target).blocks > 0)) {
        discardAll(device, state.bytes, (done, of) => observer.progress('Discarding', done, of));
      }
      formatVolume(device, plan);
    });
  });
}

function planOf(args: Arguments, sizeBytes: number): FormatPlan {
  try {
    return planFormat({
      ...args,
      sizeBytes,
      rootUid: process.geteuid?.() ?? 0,
      rootGid: process.getegid?.() ?? 0,
    });
  } catch (error) {
    if (error instanceof RangeError) throw new Failure(`${args.target}: ${error.message}`);
    throw error;
  }
}

/** Closes the device whatever happens; a device that fails, or is full, becomes a Failure. */
function closing(device: FileDevice, action: () => void): void {
  try {
    action();
  } catch (error) {
    throw asFailure(error);
  } finally {
    device.close();
  }
}

function asFailure(error: unknown): unknown {
  return error instanceof Error && error.name === 'DeviceError' ? new Failure(error.message) : error;
}
