import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const CACHES = '/sys/kernel/slab';
const COUNTS = /^(\S+) +(\d+) +\d+ +\d+/;
/** What a kernel that checks objects knows of them, kept for the next. Source: lib/debugobjects.c. */
const OF_CHECKS = new Set(['debug_objects_cache']);

/** How many objects of each slab cache are in use, after everything that can be given back was. */
export function slabObjects(): Map<string, number> {
  writeFileSync('/proc/sys/vm/drop_caches', '3');
  // What a processor keeps for itself would count as in use.
  for (const cache of readdirSync(CACHES)) {
    try {
      writeFileSync(join(CACHES, cache, 'shrink'), '1');
    } catch {
      // Some have no such file.
    }
  }
  const objects = new Map<string, number>();
  for (const line of readFileSync('/proc/slabinfo', 'utf8').split('\n')) {
    const [, name, count] = COUNTS.exec(line) ?? [];
    if (name !== undefined && !OF_CHECKS.has(name)) objects.set(name, Number(count));
  }
  return objects;
}

/** Caches that have got an object more in each of so many rounds between all three counts. */
export function growing(counts: ReadonlyArray<ReadonlyMap<string, number>>, rounds: number): string[] {
  const [first, second, third] = counts;
  const names = [...third!.keys()].filter((name) => {
    const [a = 0, b = 0, c = 0] = [first?.get(name), second?.get(name), third?.get(name)];
    return b - a >= rounds && c - b >= rounds;
  });
  return names.map((name) => `${name}: ${counts.map((count) => count.get(name) ?? 0).join(', ')} objects`);
}
