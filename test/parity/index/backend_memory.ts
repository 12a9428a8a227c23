import { readdirSync, readFileSync } from 'node:fs';
import type { Backend } from '../backend/backend.js';

function kibibytes(path: string, name: string): number {
  const found = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(readFileSync(path, 'utf8'));
  if (found === null) throw new Error(`${path} does not tell ${name}`);
  return Number(found[1]);
}

function isServing(pid: string, device: string): boolean {
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    return words.includes(device) && words.some((word) => word.includes('fuse'));
  } catch {
    return false;
  }
}

/** Bytes of memory that belong to no file: of the process that serves the volume, or what the kernel has mapped for itself. */
export function backendMemory(backend: Backend): number {
  if (!backend.isProcess) return kibibytes('/proc/meminfo', 'VmallocUsed') * 1024;
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && isServing(name, backend.device));
  if (pids.length !== 1) throw new Error(`${pids.length} processes serve ${backend.device}`);
  return kibibytes(`/proc/${pids[0]}/status`, 'RssAnon') * 1024;
}
