import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import type { GuestFolders, GuestRun } from './guest.js';
import type { StockKernel } from './stock_kernel.js';

const PROCESSORS = 2;

/** A folder of the host as the guest mounts it, by a name of its own; a comma in a path is written twice. */
function share(name: string, path: string, more: string): string[] {
  const source = `local,id=${name},path=${path.replaceAll(',', ',,')},security_model=none,multidevs=remap${more}`;
  return ['-fsdev', source, '-device', `virtio-9p-pci,fsdev=${name},mount_tag=${name}`];
}

/**
 * Starts an emulated PC with two processors, whose root is that of the host by 9p: init is an initramfs that mounts it. Without
 * KVM, which is not to be had everywhere; interrupts, preemption and vector registers are those of the real thing.
 */
export function startQemu(
  kernel: StockKernel,
  init: string,
  run: GuestRun,
  { folder, exchange, base }: GuestFolders,
): ChildProcess {
  const console = openSync(join(folder, 'console'), 'w');
  const line = [
    ...['console=ttyS0', 'quiet', 'panic=-1', 'log_buf_len=1M', 'preempt=full'],
    // A processor of the guest stands still while the host is busy; that is no defect of its kernel.
    ...['nowatchdog', 'rcupdate.rcu_cpu_stall_suppress=1'],
    ...['VEXFS_HOST=9p', `VEXFS_BASE=${base}`],
  ];
  const disk = `if=virtio,format=raw,file=${run.disk?.replaceAll(',', ',,')}${run.diskReadOnly ? ',readonly=on' : ''}`;
  const words = [
    ...['-accel', 'tcg', '-machine', 'pc', '-cpu', 'max,la57=off', '-smp', String(PROCESSORS)],
    ...['-m', run.memory ?? '768M', '-nodefaults', '-no-user-config', '-no-reboot'],
    ...['-display', 'none', '-serial', 'stdio', '-device', 'virtio-rng-pci'],
    ...['-kernel', kernel.image, '-initrd', init, '-append', line.join(' ')],
    ...share('root', '/', ',readonly=on'),
    ...share('exchange', exchange, ''),
    ...(run.disk === undefined ? [] : ['-drive', disk]),
  ];
  const child = spawn('qemu-system-x86_64', words, { stdio: ['ignore', console, console], detached: true });
  closeSync(console);
  return child;
}
