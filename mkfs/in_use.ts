import { readdirSync, readFileSync, realpathSync, type Stats, statSync } from 'node:fs';
import { basename } from 'node:path';

/**
 * Who uses a device or image file, as a clause to stand behind its name ("is mounted on /mnt"); undefined when the
 * kernel's tables name nobody. Looks at mounts, swap areas, device-mapper and RAID holders, partitions, and loop devices:
 * those of an image, and the image behind a loop device.
 */
export function describeUse(path: string): string | undefined {
  const status = statOf(path);
  if (status === undefined) return undefined;
  const own = useOf(path, status);
  if (own !== undefined) return own;
  if (status.isBlockDevice()) {
    return useOfBackingFile(path) ?? useOfPartitions(path);
  }
  for (const loop of loopsOf(path, status)) {
    const loopStatus = statOf(loop);
    const use = loopStatus === undefined ? undefined : useOf(loop, loopStatus);
    return use === undefined
      ? `is attached to ${loop}: use that device, or detach it with losetup -d`
      : `is attached to ${loop}, which ${use}`;
  }
  return undefined;
}

function useOf(path: string, status: Stats): string | undefined {
  const place = mountPoint(status);
  if (place !== undefined) return `is mounted on ${place}`;
  for (const area of swapAreas()) {
    const other = statOf(area);
    if (other !== undefined && isSame(status, other)) return 'is in use as swap';
  }
  if (status.isBlockDevice()) {
    const holders = listed(`/sys/class/block/${nodeName(path)}/holders`);
    if (holders.length > 0) return `is part of /dev/${holders[0]}`;
  }
  return undefined;
}

function useOfBackingFile(path: string): string | undefined {
  const file = contentOf(`/sys/class/block/${nodeName(path)}/loop/backing_file`)?.trimEnd();
  const status = file === undefined ? undefined : statOf(file);
  if (file === undefined || status === undefined) return undefined;
  const use = useOf(file, status);
  return use === undefined ? undefined : `lies in ${file}, which ${use}`;
}

function useOfPartitions(path: string): string | undefined {
  const name = nodeName(path);
  for (const entry of listed(`/sys/class/block/${name}`)) {
    if (!entry.startsWith(name)) continue;
    const status = statOf(`/dev/${entry}`);
    const use = status === undefined ? undefined : useOf(`/dev/${entry}`, status);
    if (use !== undefined) return `has the partition /dev/${entry}, which ${use}`;
  }
  return undefined;
}

/** Where something is mounted from the device or file: proc_pid_mountinfo(5), fields major:minor and source. */
function mountPoint(status: Stats): string | undefined {
  const number = status.isBlockDevice() ? deviceNumber(status.rdev) : undefined;
  for (const line of (contentOf('/proc/self/mountinfo') ?? '').split('\n')) {
    const fields = line.split(' ');
    const place = fields[4];
    const source = fields[fields.indexOf('-') + 2];
    if (place === undefined || source === undefined) continue;
    if (number !== undefined && fields[2] === number) return unescapeOctal(place);
    if (!source.startsWith('/')) continue;
    const other = statOf(unescapeOctal(source));
    if (other !== undefined && !other.isDirectory() && isSame(status, other)) return unescapeOctal(place);
  }
  return undefined;
}

function swapAreas(): string[] {
  const lines = (contentOf('/proc/swaps') ?? '').split('\n').slice(1);
  return lines.map((line) => unescapeOctal(line.split(/\s/)[0]!)).filter((area) => area !== '');
}

/** A name that leads to the same file need not be the one that the loop device was given. */
function loopsOf(path: string, status: Stats): string[] {
  const real = realpathSync(path);
  const names = listed('/sys/block').filter((name) => name.startsWith('loop'));
  const loops = names.filter((name) => {
    const file = contentOf(`/sys/block/${name}/loop/backing_file`)?.trimEnd();
    if (file === undefined || file === real) return file === real;
    const other = statOf(file);
    return other !== undefined && isSame(status, other);
  });
  return loops.map((name) => `/dev/${name}`);
}

/** The same block device under any name, or the same file under any link. */
function isSame(a: Stats, b: Stats): boolean {
  if (a.isBlockDevice()) return b.isBlockDevice() && a.rdev === b.rdev;
  return !b.isBlockDevice() && a.dev === b.dev && a.ino === b.ino;
}

/** The encoding of dev_t that Linux gives to user space: include/linux/kdev_t.h, new_encode_dev(), with 32-bit minors. */
function deviceNumber(rdev: number): string {
  const low = rdev >>> 0;
  return `${(low >>> 8) & 0xfff}:${((low & 0xff) | ((low >>> 12) & 0xfff00)) >>> 0}`;
}

function nodeName(path: string): string {
  return basename(realpathSync(path));
}

/** /proc writes blanks and backslashes of names as three octal digits. */
function unescapeOctal(name: string): string {
  return name.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}

function statOf(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}

function contentOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function listed(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
