/**
 * In a guest: meets damage on a volume that becomes read-only by it, with changes under way.
 *   guest_damage_met.js synced|unmounted|remounted|cut|reopened DEVICE MOUNTPOINT [PLACE]
 */
import {
  closeSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { errnoName } from '@vexfs/fuse/system';
import koffi from 'koffi';
import { MS_RDONLY, MS_REMOUNT, mountVolume, unmountVolume } from './mounting.js';

const [work, device, mountpoint, place] = process.argv.slice(2) as [string, string, string, string?];
const BYTES = 1 << 20;
/** LINUX_REBOOT_CMD_POWER_OFF. */
const POWER_OFF = 0x4321fedc;
const reboot = koffi.load(null).func('reboot', 'int', ['int']);
const path = (name: string): string => join(mountpoint, name);

function must(outcome: string): void {
  if (outcome !== 'ok') throw new Error(outcome);
}

function codeOf(call: () => unknown): string {
  try {
    call();
    return 'ok';
  } catch (error) {
    const { errno } = error as NodeJS.ErrnoException;
    return errno === undefined ? String(error) : errnoName(-errno);
  }
}

/** Both from here on: the volume is read-only. */
function meetDamage(): void {
  const met = [codeOf(() => statSync(path('broken'))), codeOf(() => writeFileSync(path('later'), ''))].join();
  if (met !== 'EUCLEAN,EROFS') throw new Error(met);
}

const programs: Record<string, () => void> = {
  /** What an fsync behind the damage returns for; then the power fails. */
  synced() {
    must(mountVolume(device, mountpoint, 0, 'errors=remount-ro'));
    const fd = openSync(path('kept'), 'w');
    writeSync(fd, 'content');
    meetDamage();
    fsyncSync(fd);
    reboot(POWER_OFF);
  },
  /** Content that nobody synced, in blocks that held other content. Prints what the next mount shows. */
  unmounted() {
    must(mountVolume(device, mountpoint, 0, 'errors=remount-ro'));
    const folder = openSync(mountpoint, 'r');
    codeOf(() => writeFileSync(path('old'), Buffer.alloc(32 * BYTES, 0xaa)));
    const old = openSync(path('old'), 'r');
    fsyncSync(old);
    closeSync(old);
    rmSync(path('old'));
    fsyncSync(folder);
    closeSync(folder);
    writeFileSync(path('fresh'), Buffer.alloc(BYTES, 0x55));
    meetDamage();
    must(unmountVolume(mountpoint));
    must(mountVolume(device, mountpoint));
    const bytes = readFileSync(path('fresh'));
    must(unmountVolume(mountpoint));
    console.log(`${bytes.length} bytes, ${bytes.filter((byte) => byte !== 0x55).length} others`);
  },
  /** Prints what a remount for writing says then, what a change after it, and what it says where nothing was damaged. */
  remounted() {
    must(mountVolume(device, mountpoint, 0, 'errors=remount-ro'));
    meetDamage();
    const said = [
      mountVolume('none', mountpoint, MS_REMOUNT, 'errors=continue'),
      codeOf(() => writeFileSync(path('later'), '')),
      unmountVolume(mountpoint),
      mountVolume(device, mountpoint, 0),
      mountVolume('none', mountpoint, MS_REMOUNT | MS_RDONLY),
      mountVolume('none', mountpoint, MS_REMOUNT),
      unmountVolume(mountpoint),
    ];
    console.log(said.join());
  },
  /** Cuts a file whose front cannot be freed, and again when its inode has been out of memory. Prints what both came to. */
  cut() {
    must(mountVolume(device, mountpoint, 0));
    const said = [codeOf(() => truncateSync(path('pieces'), 0))];
    writeFileSync('/proc/sys/vm/drop_caches', '3');
    said.push(
      codeOf(() => truncateSync(path('pieces'), BYTES)),
      codeOf(() => truncateSync(path('pieces'), 0)),
      unmountVolume(mountpoint),
    );
    console.log(said.join());
  },
  /** A block of a directory changed between two mounts, on a device that somebody has open. Prints what the second says. */
  reopened() {
    const fd = openSync(device, 'r+');
    must(mountVolume(device, mountpoint));
    readdirSync(mountpoint);
    must(unmountVolume(mountpoint));
    const byte = Buffer.alloc(1);
    readSync(fd, byte, 0, 1, Number(place));
    writeSync(fd, Buffer.of(byte[0]! ^ 1), 0, 1, Number(place));
    must(mountVolume(device, mountpoint));
    console.log(codeOf(() => readdirSync(mountpoint)));
    must(unmountVolume(mountpoint));
    writeSync(fd, byte, 0, 1, Number(place));
    closeSync(fd);
  },
};
programs[work]!();
