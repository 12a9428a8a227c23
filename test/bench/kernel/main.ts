/**
 * Measures the kernel module against ext4 on the same device, and against the engine in user space, inside one guest:
 *   npm run bench:kernel -- [--guest uml|qemu] [--only NAME]... [--runs N] [--json] [--write] [--quick] [--quiet-wait SECONDS]
 * Exit status: 0 when every measure ran, whether its goal was met or not; 1 when one failed.
 */
import { existsSync, mkdtempSync, rmSync, statfsSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { GUEST_DEVICE, runGuest } from '../../vm/guest.js';
import { provideGuestParts, provideStockParts } from '../../vm/provide.js';
import { describeMachine, waitUntilQuiet } from '../machine.js';
import type { Result } from '../measure.js';
import { BENCH_OPTIONS, QUICK } from '../options.js';
import { COLUMNS, cells, textTable } from '../table.js';
import { writeResults } from '../tuning_page.js';

const DISK_BYTES = 3 * 2 ** 30;
/** Of each kind of guest: the command that fills its table, what it is, and how long it may take. */
const GUESTS = {
  uml: {
    command: 'npm run bench:kernel -- --write',
    processors: 'one CPU',
    modules: ['dm-mod'],
    seconds: 1_800,
    provide: provideGuestParts,
  },
  qemu: {
    command: 'npm run bench:kernel -- --guest qemu --write',
    processors: 'two emulated CPUs',
    modules: ['dm-mod', 'ext4'],
    seconds: 7_200,
    provide: () => provideStockParts('bookworm'),
  },
} as const;

interface Measured {
  readonly guest: string;
  readonly results: readonly Result[];
  readonly failure: string;
}

function parse() {
  const { values } = parseArgs({
    options: { ...BENCH_OPTIONS, guest: { type: 'string', default: 'uml' } },
  });
  const { guest } = values;
  if (guest !== 'uml' && guest !== 'qemu') throw new Error(`no guest ${guest}: there are uml and qemu`);
  return { ...values, guest } as const;
}

/** In memory where there is room: what the disk of the machine does is not measured. */
function folderForDisk(): string {
  const memory = '/dev/shm';
  if (!existsSync(memory)) return tmpdir();
  const { bavail, bsize } = statfsSync(memory);
  return bavail * bsize > 2 * DISK_BYTES ? memory : tmpdir();
}

async function measure(choice: ReturnType<typeof parse>): Promise<Measured> {
  const { provide, modules, seconds } = GUESTS[choice.guest];
  const parts = provide();
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
      modules,
      collect: ['results'],
      memory: '2G',
      seconds,
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
const machine = `${describeMachine()}, load ${load.toFixed(2)} before; inside ${guest}, ${GUESTS[choice.guest].processors}`;
if (choice.json) console.log(JSON.stringify({ machine, runs: choice.runs, results }, null, 2));
else console.log(`${machine}; medians of ${choice.runs}\n\n${textTable([COLUMNS, ...results.map(cells)])}`);
if (choice.write) writeResults(GUESTS[choice.guest].command, results, machine, Number(choice.runs));
if (failure !== '') {
  console.error(failure);
  process.exitCode = 1;
}
