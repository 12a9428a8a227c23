/** In a guest: checks the rows of a volume against the model that came in, changes them, and leaves the new model. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { mountVolume, unmountVolume } from '../volume/mounting.js';
import { changeRows, checkRows, type FileModel } from './change_rows.js';

const [device, mountpoint, seed, steps] = process.argv.slice(2) as [string, string, string, string];
const exchange = process.env.VEXFS_EXCHANGE!;
const model = JSON.parse(readFileSync(join(exchange, 'model'), 'utf8')) as FileModel[];

function mount(): void {
  const mounted = mountVolume(device, mountpoint, 0);
  if (mounted !== 'ok') throw new Error(`mount: ${mounted}`);
}

function unmount(): void {
  const unmounted = unmountVolume(mountpoint);
  if (unmounted !== 'ok') throw new Error(`umount: ${unmounted}`);
}

function must(problems: readonly string[], when: string, done: readonly string[]): void {
  if (problems.length > 0) throw new Error([`${when}:`, ...problems, ...done].join('\n'));
}

mount();
must(checkRows(mountpoint, model), 'as the daemon left them', []);
const done = changeRows(mountpoint, model, Number(seed), Number(steps));
must(checkRows(mountpoint, model), 'after the changes', done);
unmount();
mount();
must(checkRows(mountpoint, model), 'mounted again', done);
unmount();
writeFileSync(join(exchange, 'model'), JSON.stringify(model));
