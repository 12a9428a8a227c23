import { mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where kernels, their build trees and built modules are kept from one run to the next: outside of the project. */
export function cacheFolder(...below: readonly string[]): string {
  const folder = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'vexfs', 'vm', ...below);
  mkdirSync(folder, { recursive: true });
  return folder;
}
