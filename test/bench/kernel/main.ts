/**
 * Measures the kernel module against ext4 on the same device, and against the engine in user space, inside one guest:
 *   npm run bench:kernel -- [--only NAME]... [--runs N] [--json] [--write] [--quick] [--quiet-wait SECONDS]
 * Exit status: 0 when every measure ran, whether its goal was met or not; 1 when one failed.
 */
import { existsSync, mkdtempSync, rmSync, statfsSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { GUEST_DEVICE, runGuest } from '../../vm/guest.js';
import { provideGuestParts } from '../../vm/provide.js';
import { describeMachine, waitUntilQuiet } from '../machine.js';
import type { Result } from '../measure.js';
import { COLUMNS, cells, textTable } from '../table.js';
import { writeResults } from '../tuning_page.js';

const COMMAND = 'npm run bench:kernel -- --write';
const DISK_BYTES = 3 * 2 ** 30;
const QUICK = 20;
const SECONDS = 1_800;

interface Measured {
  readonly guest: string;
  readonly results: readonly Result[];
  readonly failure: string;
}

function parse() {
  return parseArgs({
    options: {
      only: { type: 'string', multiple: true, default: [] },
      runs: { type: 'string', default: '5' },
      json: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      'quiet-wait': { type: 'string', default: '0' },
    },
  }).values;
}

/** In memory where there is room: what the disk of the machine does is not measured. */
function folderForDisk(): string {
  const memory = '/dev/shm';
  if (!existsSync(memory)) return tmpdir();
  const { bavail, bsize } = statfsSync(memory);
  return bavail * bsize > 2 * DISK_BYTES ? memory : tmpdir();
}

async function measure(choice: ReturnType<typeof parse>): Promise<Measured> {
  const parts = provideGuestParts();
  if (typeof parts === 'string') throw new Error(parts);
  const folder = mkdtempSync(join(folderForDisk(), 'vexfs-bench-'));
  const disk = join(folder, 'disk.img');
  const script = fileURLToPath(new URL('./guest_bench.js', import.meta.url));
  const shrink = choice.quick ? `${QUICK}` : '1';
  try {
    writeFileSync(disk, '');
    truncateSync(disk, DISK_BYTES);
    const { code, output, collected } = await runGuest(parts, {
      program: [process.execPath, script, GUEST_DEVICE, choice.runs, shrink, ...choice.only],
      disk,
      modules: ['dm-mod'],
      collect: ['results'],
      memory: '2G',
      seconds: SECONDS,
    });
    if (code !== 0) throw new Error(output);
    return JSON.parse(collected.results!.toString()) as Measured;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const choice = parse();
const load = await waitUntilQuiet(Number(choice['quiet-wait']));
const { guest, results, failure } = await measure(choice);
const machine = `${describeMachine()}, load ${load.toFixed(2)} before; inside ${guest}, one CPU`;
if (choice.json) console.log(JSON.stringify({ machine, runs: choice.runs, results }, null, 2));
else console.log(`${machine}; medians of ${choice.runs}\n\n${textTable([COLUMNS, ...results.map(cells)])}`);
if (choice.write) writeResults(COMMAND, results, machine, Number(choice.runs));
if (failure !== '') {
  console.error(failure);
  process.exitCode = 1;
}
