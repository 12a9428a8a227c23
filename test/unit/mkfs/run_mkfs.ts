import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const PROGRAM = fileURLToPath(new URL('../../../../mkfs/bin/mkfs.vexfs.mjs', import.meta.url));

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs mkfs.vexfs as a user would; a run that takes a minute is killed. */
export function mkfs(...words: string[]): Outcome {
  const result = spawnSync(process.execPath, [PROGRAM, ...words], { encoding: 'utf8', timeout: 60_000 });
  return { code: result.status, stdout: result.stdout, stderr: result.stderr };
}

/** Runs another program that the test needs; throws with its output when it fails. Returns stdout. */
export function command(program: string, ...words: string[]): string {
  const result = spawnSync(program, words, {
    encoding: 'utf8',
    timeout: 60_000,
    env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
  });
  if (result.status !== 0) {
    throw new Error(`${program} ${words.join(' ')} failed: ${result.stderr}${result.error?.message ?? ''}`);
  }
  return result.stdout;
}

/** A folder that goes away when the process ends. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'vexfs-mkfs-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
