import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FuseBackend } from '../parity/backend/fuse.js';
import { FSCK, runNode } from '../parity/backend/programs.js';
import { checkVolume } from '../parity/check.js';
import { GUEST_DEVICE, GUEST_VOLUME } from '../vm/guest.js';
import { rootGuestTest, run } from '../vm/guest_test.js';
import { namesAfter } from './volume/steps.js';

const program = fileURLToPath(new URL('./volume/guest_names_cut.js', import.meta.url));

function namesIn(root: string): string[] {
  return readdirSync(root, { recursive: true, encoding: 'utf8' }).toSorted();
}

/** How many steps the volume shows; -1 when it shows something that never was. */
function stepsShown(root: string, atLeast: number, atMost: number): number {
  const found = namesIn(root);
  for (let count = atLeast; count <= atMost; count++) {
    const names = namesAfter(count);
    if (names.size === found.length && found.every((name) => names.has(name))) return count;
  }
  return -1;
}

for (const [milliseconds, repairs] of [
  [300, false],
  [900, true],
  [2_100, false],
] as const) {
  rootGuestTest(
    `after a power cut within ${milliseconds} ms the ${repairs ? 'journal is replayed by fsck' : 'daemon replays the journal'}: whole steps in order, all that were synced`,
    async (t) => {
      t.timeout(300_000);
      const folder = mkdtempSync(join(tmpdir(), 'vexfs-power-'));
      try {
        // Room for as many steps as the fastest machine makes.
        const backend = new FuseBackend(folder, { size: '1G', mkfs: ['-N', '200000'] });
        try {
          const { collected } = await run({
            program: [process.execPath, program, GUEST_DEVICE, GUEST_VOLUME, `${milliseconds}`],
            disk: backend.device,
            collect: ['progress'],
            turnsOff: true,
            seconds: 120,
          });
          const synced = Number(collected.progress!.toString());
          t.true(synced >= 0);
          if (repairs) t.true([0, 1].includes(runNode(FSCK, ['-p', backend.device], 60_000).code ?? -1));
          await backend.mount();
          const shown = stepsShown(backend.mountpoint, synced, synced + 2_000);
          t.true(
            shown >= synced,
            `${synced} steps were synced; found\n${namesIn(backend.mountpoint).join()}`,
          );
          await backend.unmount();
          t.notThrows(() => checkVolume(backend.device));
        } finally {
          await backend.end();
        }
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    },
  );
}
