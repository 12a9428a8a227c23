import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MKFS, must } from '../../parity/backend/programs.js';
import { checkVolume } from '../../parity/check.js';
import { GUEST_DEVICE, GUEST_VOLUME, type GuestResult, runGuest } from '../../vm/guest.js';
import { ROOT } from '../../vm/module_build.js';
import type { GuestParts } from '../../vm/provide.js';

const SOURCE = join(ROOT, 'test/kernel/processors/threads.c');
const WORDS = ['-std=gnu11', '-O2', '-Wall', '-Wextra', '-Werror', '-static', '-pthread'];

/**
 * Runs threads.c in a guest on a fresh volume, which has to be sound afterwards. It is in C because an emulated processor does
 * in a second what Node needs a minute for there. Throws what GuestError or the check of the volume says.
 */
export async function runThreads(parts: GuestParts, rounds: number, seconds: number): Promise<GuestResult> {
  const folder = mkdtempSync(join(tmpdir(), 'vexfs-threads-'));
  try {
    const program = join(folder, 'threads');
    must('gcc', [...WORDS, `-I${join(ROOT, 'kernel/include/uapi')}`, '-o', program, SOURCE], 120_000);
    const disk = join(folder, 'volume.img');
    must(process.execPath, [MKFS, '-q', '--size', '64M', disk]);
    const result = await runGuest(parts, {
      program: [program, GUEST_DEVICE, GUEST_VOLUME, String(rounds)],
      disk,
      seconds,
    });
    checkVolume(disk);
    return result;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
