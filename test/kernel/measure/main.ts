/** Figures of the kernel module, from a guest: `node test/dist/kernel/measure/main.js`, after a build, as root. */
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FuseBackend } from '../../parity/backend/fuse.js';
import { insert, setMeta } from '../../parity/client/vector_calls.js';
import { GUEST_DEVICE, GUEST_VOLUME, runGuest } from '../../vm/guest.js';
import { provideGuestParts } from '../../vm/provide.js';

const FILES = [
  { name: '100000 of 128', dimensions: 128, rows: 100_000 },
  { name: '50000 of 768', dimensions: 768, rows: 50_000 },
];
const BATCH = 5_000;

function fill(path: string, dimensions: number, rows: number): void {
  const fd = openSync(path, 'w+');
  let state = 1;
  const outcomes = new Set([setMeta(fd, { dimensions })]);
  const batch = new Float32Array(BATCH * dimensions);
  for (let done = 0; done < rows; done += BATCH) {
    for (let i = 0; i < batch.length; i++) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      batch[i] = (state >>> 8) / 2 ** 24;
    }
    outcomes.add(insert(fd, batch, { dimensions }));
  }
  closeSync(fd);
  if ([...outcomes].join() !== 'ok') throw new Error([...outcomes].join());
}

const parts = provideGuestParts();
if (typeof parts === 'string') throw new Error(parts);
const folder = mkdtempSync(join(tmpdir(), 'vexfs-measure-'));
try {
  const backend = new FuseBackend(folder, { size: '512M' });
  try {
    await backend.mount();
    for (const { name, dimensions, rows } of FILES) fill(join(backend.mountpoint, name), dimensions, rows);
  } finally {
    await backend.end();
  }
  const script = fileURLToPath(new URL('./guest_figures.js', import.meta.url));
  const { code, output, collected } = await runGuest(parts, {
    program: [process.execPath, script, GUEST_DEVICE, GUEST_VOLUME, ...FILES.map(({ name }) => name)],
    disk: backend.device,
    diskReadOnly: true,
    collect: ['figures'],
    memory: '1536M',
    seconds: 180,
  });
  if (code !== 0) throw new Error(output);
  const { moduleBytes, idleKiB, searches } = JSON.parse(collected.figures!.toString());
  console.log(
    `module ${(moduleBytes / 1024).toFixed(0)} KiB, slab and vmalloc of an idle mount ${idleKiB} KiB`,
  );
  console.table(searches);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
