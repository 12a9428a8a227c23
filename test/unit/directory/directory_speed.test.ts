import { directory } from '@vexfs/fuse/volume';
import test from 'ava';
import { MemoryInode, MemoryVolume } from './memory_volume.js';

const ENTRIES = Number(process.env.VEXFS_DIRECTORY_ENTRIES ?? 200000);

/** Microseconds of processor time since `start`; other work on the machine does not count. */
function since(start: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(start);
  return user + system;
}

/** Microseconds a call. */
function measure(names: readonly Uint8Array[], run: (name: Uint8Array) => void): number {
  const start = process.cpuUsage();
  for (const name of names) run(name);
  return since(start) / names.length;
}

test(`names are added, found, read and removed in time that hardly grows, up to ${ENTRIES}`, (t) => {
  const volume = new MemoryVolume(4096);
  const dir = new MemoryInode(12);
  const names = Array.from({ length: ENTRIES }, (_, i) => new Uint8Array(Buffer.from(`file-${i}.txt`)));
  const small = names.slice(0, 2000);
  const add = (name: Uint8Array): void => directory.insert(volume, dir, name, 3, 8);
  const find = (name: Uint8Array): void => {
    if (directory.lookup(volume, dir, name) === undefined) throw new Error('a name is missing');
  };
  measure(small, add);
  measure(small, find);
  const atFirst = measure(small, find);
  const insert = measure(names.slice(2000), add);
  const lookup = measure(names, find);

  let seen = 0;
  const start = process.cpuUsage();
  directory.iterate(volume, dir, { hi: 0, lo: 0 }, () => {
    seen += 1;
    return true;
  });
  const read = since(start) / seen;
  t.is(seen, ENTRIES);

  const { used } = volume;
  const blocks = used.size;
  const remove = measure(names, (name) => {
    if (directory.remove(volume, dir, name) === undefined) throw new Error('a name is missing');
  });
  t.is(used.size, 0);
  const us = (value: number): string => `${value.toFixed(2)} us`;
  t.log(`${ENTRIES} names in ${blocks} blocks of 4096; lookup among 2000: ${us(atFirst)}`);
  t.log(`insert ${us(insert)}, lookup ${us(lookup)}, read ${us(read)}, remove ${us(remove)}`);
  // Linear search would take a hundred times as long; the machine may be busy.
  t.true(lookup < atFirst * 20 + 20, `a lookup takes ${us(lookup)}, among 2000 names ${us(atFirst)}`);
});
