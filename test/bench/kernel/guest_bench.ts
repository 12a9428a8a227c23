/** In a guest: takes the measures of the kernel module; the results go to `results`, with what the guest is. */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Result, take } from '../measure.js';
import { cells } from '../table.js';
import { kernelMeasures } from './measures.js';
import { TwoVolumes } from './two_volumes.js';

const [device, runs, shrink, ...only] = process.argv.slice(2) as [string, string, string, ...string[]];
const exchange = process.env.VEXFS_EXCHANGE!;
const volumes = new TwoVolumes(device, mkdtempSync(join(tmpdir(), 'vexfs-bench-')));
const scaled = (count: number): number => Math.max(1, Math.floor(count / Number(shrink)));
const results: Result[] = [];
let failure = '';
const uml = /User Mode Linux/.test(readFileSync('/proc/cpuinfo', 'utf8'));
const group = kernelMeasures(volumes, scaled, !uml);
for (const measure of group.measures) {
  if (only.length > 0 && !only.includes(measure.name)) continue;
  try {
    const result = await take(measure, Number(runs));
    results.push(result);
    console.log(cells(result).join('  '));
  } catch (error) {
    failure += `${measure.name}: ${error instanceof Error ? error.message : error}\n`;
  }
}
const guest = `${uml ? 'User-mode Linux' : 'QEMU'} ${release()}`;
writeFileSync(join(exchange, 'results'), JSON.stringify({ guest, results, failure }));
await group.close();
volumes.end();
