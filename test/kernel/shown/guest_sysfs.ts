/** In a guest: what sysfs shows of a volume before and after work on it, as JSON in `shown`. */
import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { insert, search, setMeta } from '../../parity/client/vector_calls.js';
import { MS_RDONLY, MS_REMOUNT, mountVolume, unmountVolume } from '../volume/mounting.js';

const [device, mountpoint] = process.argv.slice(2) as [string, string];
const above = '/sys/fs/vexfs';
const folder = join(above, basename(device));

export type Values = Record<string, string>;

function values(): Values {
  const names = readdirSync(folder);
  return Object.fromEntries(names.map((name) => [name, readFileSync(join(folder, name), 'utf8')]));
}

function expectOk(outcome: string): void {
  if (outcome !== 'ok') throw new Error(outcome);
}

/** The errno of writing to one of the files; root may open it nevertheless. */
function writing(name: string): string {
  try {
    writeFileSync(join(folder, name), '1');
    return 'ok';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code!;
  }
}

function rows(): void {
  const path = join(mountpoint, 'rows');
  const fd = openSync(path, 'w+');
  expectOk(setMeta(fd, { dimensions: 4 }));
  expectOk(insert(fd, [1, 2, 3, 4, 5, 6, 7, 8], { dimensions: 4 }));
  expectOk(insert(fd, [9, 9, 9, 9], { dimensions: 4 }));
  appendFileSync(path, new Uint8Array(5 * 16));
  expectOk(search(fd, [1, 2, 3, 4], { k: 2 }).outcome);
  expectOk(search(fd, [1, 2, 3, 4], { k: 2 }).outcome);
  // Each row replaces another: the log grows until it is written anew.
  for (let i = 0; i < 4_000; i++)
    expectOk(insert(fd, [i, 0, 0, 0], { dimensions: 4, ids: [(i * 7) % 8], flags: 1 }));
  closeSync(fd);
}

const absentBefore = !existsSync(folder);
expectOk(mountVolume(device, mountpoint, 0));
const idle = values();
const refused = writing('searches');
rows();
writeFileSync(join(mountpoint, 'large'), Buffer.alloc(4 << 20, 1));
spawnSync('sync');
const worked = values();
unlinkSync(join(mountpoint, 'large'));
truncateSync(join(mountpoint, 'rows'), 0);
spawnSync('sync');
expectOk(mountVolume(device, mountpoint, MS_REMOUNT | MS_RDONLY));
const readOnly = values();
// Whoever holds a file open keeps no mount.
const held = openSync(join(folder, 'state'), 'r');
expectOk(unmountVolume(mountpoint));
closeSync(held);
const absentAfter = !existsSync(folder);
const table = readFileSync(join(above, 'table_bytes'), 'utf8');
const result = { absentBefore, idle, refused, worked, readOnly, absentAfter, table };
writeFileSync(join(process.env.VEXFS_EXCHANGE!, 'shown'), JSON.stringify(result));
