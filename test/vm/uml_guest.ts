import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync } from 'node:fs';
import { join } from 'node:path';
import type { GuestFolders, GuestRun } from './guest.js';
import type { UmlKernel } from './uml_kernel.js';

/** A kernel that sanitizes needs so much more. */
const MORE_MEMORY = 2;

function memoryOf(run: GuestRun, kernel: UmlKernel): string {
  const [, amount, unit] = /^(\d+)([MG])$/.exec(run.memory ?? '768M') ?? [];
  return `${Number(amount) * (kernel.sanitizes === true ? MORE_MEMORY : 1)}${unit}`;
}

/** Starts User-mode Linux, whose root is that of the host by hostfs. */
export function startUml(
  kernel: UmlKernel,
  init: string,
  run: GuestRun,
  folders: GuestFolders,
  processor: number,
): ChildProcess {
  const { folder, exchange, base } = folders;
  const console = openSync(join(folder, 'console'), 'w');
  const memory = existsSync('/dev/shm') ? '/dev/shm' : folder;
  const words = [
    `mem=${memoryOf(run, kernel)}`,
    ...['root=/dev/root', 'rootfstype=hostfs', 'rootflags=/', 'ro', `init=${init}`],
    ...['con=null', 'con0=fd:0,fd:1', 'ssl=null', 'log_buf_len=1M', 'panic=-1'],
    ...[`uml_dir=${folder}/`, 'umid=guest', `VEXFS_BASE=${base}`, `VEXFS_EXCHANGE=${exchange}`],
    ...(run.disk === undefined ? [] : [`ubda${run.diskReadOnly ? 'r' : ''}=${run.disk}`]),
  ];
  const child = spawn('taskset', ['-c', `${processor}`, kernel.program, ...words], {
    stdio: ['ignore', console, console],
    detached: true,
    env: { ...process.env, TMPDIR: memory },
  });
  closeSync(console);
  return child;
}
