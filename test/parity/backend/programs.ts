import { spawnSync } from 'node:child_process';
import { truncateSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { FileDevice } from '@vexfs/fuse/system';
import { formatVolume, planFormat } from '@vexfs/fuse/volume';
import { parseSize } from '@vexfs/mkfs';
import type { VolumeChoice } from './backend.js';

/** From dist/parity/backend up to the root of the project. */
const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));

export const MKFS: string = `${ROOT}mkfs/bin/mkfs.vexfs.mjs`;
export const FSCK: string = `${ROOT}mkfs/bin/fsck.vexfs.mjs`;
export const VEXFS_FUSE: string = `${ROOT}fuse/bin/vexfs-fuse.mjs`;
/** The 10,000 SIFT rows with their queries and truth. */
export const SIFT: string = `${ROOT}test/data/sift10k`;

/** Time limits are so many times longer: on an emulated processor. */
export const SLOWNESS: number = Number(process.env.VEXFS_SLOWNESS ?? 1);

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly milliseconds: number;
}

/** Runs a program of the system to its end; one that takes longer than `limitMs` is killed and has the code null. */
export function run(program: string, words: readonly string[], limitMs = 30_000): Outcome {
  const start = performance.now();
  const result = spawnSync(program, words, {
    encoding: 'utf8',
    timeout: limitMs * SLOWNESS,
    killSignal: 'SIGKILL',
    env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
  });
  return {
    code: result.status,
    stdout: result.stdout ?? '',
    stderr: result.stderr ?? String(result.error ?? ''),
    milliseconds: performance.now() - start,
  };
}

/** The same for a program of this project. */
export function runNode(script: string, words: readonly string[], limitMs = 30_000): Outcome {
  return run(process.execPath, [script, ...words], limitMs);
}

/**
 * Makes a volume in an image file: in this process, because a program takes longer to start than this does, unless there are
 * words for mkfs.vexfs.
 */
export function makeImage(image: string, choice: VolumeChoice): void {
  const { size, blockSize, mkfs } = choice;
  if (mkfs !== undefined) {
    const blocks = blockSize === undefined ? [] : ['-b', String(blockSize)];
    must(process.execPath, [MKFS, '-q', ...blocks, ...mkfs, '--size', size, image]);
    return;
  }
  const sizeBytes = parseSize(size);
  const plan = planFormat({
    sizeBytes,
    rootUid: process.geteuid!(),
    rootGid: process.getegid!(),
    ...(blockSize === undefined ? {} : { blockSize }),
  });
  writeFileSync(image, '');
  truncateSync(image, sizeBytes);
  const device = FileDevice.open(image);
  try {
    formatVolume(device, plan);
  } finally {
    device.close();
  }
}

/** Runs what has to succeed for a test to mean anything. Returns stdout. */
export function must(program: string, words: readonly string[], limitMs = 30_000): string {
  const outcome = run(program, words, limitMs);
  if (outcome.code !== 0) {
    throw new Error(`${program} ${words.join(' ')} ended with ${outcome.code}: ${outcome.stderr}`);
  }
  return outcome.stdout;
}
