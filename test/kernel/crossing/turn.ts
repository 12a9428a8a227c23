/** What one backend does with a volume before the other has it again. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { operations } from '../../fuzz/operations/operation.js';
import { Player } from '../../fuzz/operations/player.js';
import type { Backend } from '../../parity/backend/backend.js';
import { checkCrashed, checkVolume } from '../../parity/check.js';
import { settle } from '../volume/settle.js';
import { type Survey, survey } from '../volume/survey.js';

const FOLDER = 'work';
/** Of so many operations one is a remount or a crash. */
const PAUSE_EVERY = 240;

export type Ending = 'unmount' | 'crash';

export interface Turn {
  /** Name of the image among those of the run. */
  readonly image: string;
  /** What the turn before has handed over; a new volume has none. */
  readonly handed: Uint8Array | undefined;
  /** Nothing: the volume is only looked at. */
  readonly work: Work | undefined;
}

export interface Work {
  readonly seed: number;
  readonly operations: number;
  readonly ending: Ending;
}

/** Of a turn that did what it should. */
export interface Turned {
  /** What was there before the first operation, after the recovery; not of a new volume. */
  readonly before: Survey | undefined;
  /** What was there after the last one; not after a crash, and not of a turn without work. */
  readonly after: Survey | undefined;
  readonly handed: Uint8Array;
}

/** Takes a turn. Throws what went wrong: an answer that the model does not expect, or a volume that is not sound. */
export async function take(backend: Backend, { handed, work }: Turn): Promise<Turned> {
  await backend.mount();
  const root = join(backend.mountpoint, FOLDER);
  const player = new Player(root, backend, () => checkCrashed(backend.device));
  let before: Survey | undefined;
  if (handed === undefined) {
    mkdirSync(root);
    player.synchronise(0);
  } else {
    await settle(backend.mountpoint);
    before = survey(backend.mountpoint);
    player.takeOver(handed);
  }
  if (work !== undefined) {
    const lists = fc.sample(operations(work.operations, PAUSE_EVERY), { seed: work.seed, numRuns: 20 });
    for (const operation of lists.flat().slice(0, work.operations)) await player.play(operation);
    player.compare();
  }
  if (work?.ending === 'crash') {
    await backend.crash();
    checkCrashed(backend.device);
    return { before, after: undefined, handed: player.handOver(false) };
  }
  // Slots that the last changes freed are zeroed behind them, which an unmount waits for, and may be given back.
  if (work !== undefined) {
    await settle(backend.mountpoint);
    await backend.remount();
  }
  const after = work === undefined ? undefined : survey(backend.mountpoint);
  await backend.unmount();
  // What was only looked at has been checked before; a recovery may have changed it.
  if (work === undefined) checkCrashed(backend.device);
  else checkVolume(backend.device);
  return { before, after, handed: player.handOver(true) };
}

/** Takes a turn; whatever comes of it, nothing stays mounted. A failure is its text. */
export async function tryTurn(backend: Backend, turn: Turn): Promise<Turned | string> {
  try {
    return await take(backend, turn);
  } catch (error) {
    if (backend.isMounted) await backend.crash();
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  } finally {
    backend.release();
  }
}
