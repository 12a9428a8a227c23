import type { ChildProcess } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { kernelReports } from './kernel_reports.js';
import { ROOT } from './module_build.js';
import { takeProcessor } from './processor.js';
import type { GuestParts } from './provide.js';
import { startQemu } from './qemu_guest.js';
import { startUml } from './uml_guest.js';

/** The guest writes below this folder alone; the checkout must not lie there. */
const BASE = ROOT.startsWith('/mnt/') ? '/media' : '/mnt';
/** Folder on which programs in a guest mount the volume. */
export const GUEST_VOLUME = `${BASE}/volume`;
/** The block device that a disk image is in a guest. */
export const GUEST_DEVICE = '/dev/ubda';
/** The folder whose content `files` of a run brings in and `collect` brings out. */
export const GUEST_EXCHANGE = `${BASE}/exchange`;

export interface GuestRun {
  /** Absolute path of a program on the host, and its words. */
  readonly program: readonly string[];
  /** Image file that becomes GUEST_DEVICE. */
  readonly disk?: string;
  readonly diskReadOnly?: boolean;
  /** Files to put into the exchange folder, by name. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  /** Folders of the host to move into it, by name. */
  readonly folders?: Readonly<Record<string, string>>;
  /** Which of these to move back to where they were. */
  readonly returned?: readonly string[];
  /** Files to read from there afterwards. */
  readonly collect?: readonly string[];
  /** Names of modules of the kernel itself to load too, dependencies first: `loop`, `dm-mod`. */
  readonly modules?: readonly string[];
  /** The whole guest may take so long; default 60. */
  readonly seconds?: number;
  readonly memory?: string;
  /** The program does not come to its end: it turns the guest off, in the middle of everything. */
  readonly turnsOff?: boolean;
}

/** Folders of the host that a guest is started with. */
export interface GuestFolders {
  /** For what belongs to the guest; its console goes to the file `console`. */
  readonly folder: string;
  readonly exchange: string;
  /** The folder that the guest writes below. */
  readonly base: string;
}

export interface GuestResult {
  /** Exit code of the program; 0 when it has turned the guest off. */
  readonly code: number;
  readonly output: string;
  readonly dmesg: string;
  readonly collected: Readonly<Record<string, Buffer>>;
}

/** A guest that hung, whose kernel complained, or that could not do what was asked. */
export class GuestError extends Error {
  /** What the program had printed. */
  readonly output: string;

  constructor(message: string, output: string) {
    super(message);
    this.output = output;
  }
}

/** How much longer a kernel that sanitizes takes. */
const SLOWER = 12;

function isSanitizing({ kernel }: GuestParts): boolean {
  return kernel.kind === 'uml' && kernel.sanitizes === true;
}

/** Ends the guest with all processes that belong to it. */
function kill(child: ChildProcess): void {
  try {
    process.kill(-child.pid!, 'SIGKILL');
  } catch {
    // It is gone.
  }
}

/** True when it ended by itself. */
async function wait(child: ChildProcess, seconds: number): Promise<boolean> {
  let inTime = true;
  const timer = setTimeout(() => {
    inTime = false;
    kill(child);
  }, seconds * 1000);
  await new Promise<void>((resolve, reject) => {
    child.once('exit', () => resolve());
    child.once('error', reject);
  });
  clearTimeout(timer);
  kill(child);
  return inTime;
}

function modulePath({ kernel }: GuestParts, name: string): string {
  const names = [`${name}.ko`, `${name.replaceAll('-', '_')}.ko`];
  const found = readdirSync(kernel.modules, { recursive: true, encoding: 'utf8' }).find((path) =>
    names.includes(basename(path)),
  );
  if (found === undefined) throw new Error(`the kernel of the guest has no module ${name}`);
  return join(kernel.modules, found);
}

function start(
  { kernel, init }: GuestParts,
  run: GuestRun,
  folders: GuestFolders,
  processor = 0,
): ChildProcess {
  return kernel.kind === 'uml'
    ? startUml(kernel, init, run, folders, processor)
    : startQemu(kernel, init, run, folders);
}

function read(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}

/**
 * Runs a program as root inside a fresh guest with vexfs.ko loaded. Throws GuestError when the guest hangs, its kernel
 * reports a defect, a module cannot be loaded or unloaded, or the program is ended by a signal.
 */
export async function runGuest(parts: GuestParts, run: GuestRun): Promise<GuestResult> {
  const folder = mkdtempSync(join(tmpdir(), 'vexfs-guest-'));
  const exchange = join(folder, 'exchange');
  const processor = parts.kernel.kind === 'uml' ? takeProcessor() : undefined;
  try {
    mkdirSync(exchange);
    const modules = [...(run.modules ?? []).map((name) => modulePath(parts, name)), parts.module];
    const libraries = parts.kernel.kind === 'stock' ? parts.kernel.libraries : [];
    writeFileSync(join(exchange, 'libraries'), libraries.join('\n'));
    writeFileSync(join(exchange, 'modules'), modules.join('\n'));
    writeFileSync(join(exchange, 'program'), run.program.map((word) => `${word}\0`).join(''));
    for (const [name, content] of Object.entries(run.files ?? {}))
      writeFileSync(join(exchange, name), content);
    for (const [name, path] of Object.entries(run.folders ?? {})) renameSync(path, join(exchange, name));
    const child = start(parts, run, { folder, exchange, base: BASE }, processor?.number);
    const inTime = await wait(child, (run.seconds ?? 60) * (isSanitizing(parts) ? SLOWER : 1));
    const status = read(join(exchange, 'status'));
    const output = read(join(exchange, 'output'));
    const said = read(join(folder, 'console'));
    const dmesg = read(join(exchange, 'dmesg')) || said;
    const [, code] = run.turnsOff && status === '' ? ['', '0'] : (/^exit (\d+)\n$/.exec(status) ?? []);
    const reports = kernelReports(dmesg);
    if (!inTime || code === undefined || reports.length > 0) {
      const why = !inTime ? 'the guest did not end in time' : status || 'the guest ended early';
      throw new GuestError(
        [why, ...reports, '--- output', output, '--- console', said.slice(-6_000)].join('\n'),
        output,
      );
    }
    for (const name of run.returned ?? []) renameSync(join(exchange, name), run.folders![name]!);
    const collected = (run.collect ?? []).map((name) => [name, readFileSync(join(exchange, name))] as const);
    return { code: Number(code), output, dmesg, collected: Object.fromEntries(collected) };
  } finally {
    processor?.giveBack();
    rmSync(folder, { recursive: true, force: true });
  }
}
