import { readFileSync, realpathSync, statSync } from 'node:fs';
import { resolve } from 'node:path';

/** One line of /proc/PID/mountinfo (proc(5)). */
export interface MountEntry {
  readonly id: number;
  readonly parent: number;
  /** `major:minor` of the filesystem's st_dev. */
  readonly device: string;
  readonly root: string;
  readonly mountpoint: string;
  readonly mountOptions: readonly string[];
  /** As `ext4` or `fuse.vexfs`. */
  readonly type: string;
  readonly source: string;
  readonly superOptions: readonly string[];
}

/** Parses mountinfo given as latin1 text, one character a byte; names come out as UTF-8 text. Other lines are skipped. */
export function parseMountInfo(text: string): MountEntry[] {
  const entries: MountEntry[] = [];
  for (const line of text.split('\n')) {
    const fields = line.split(' ');
    // Optional fields stand between the sixth and a lone hyphen.
    const hyphen = fields.indexOf('-', 6);
    if (hyphen < 0 || fields.length < hyphen + 4) continue;
    entries.push({
      id: Number(fields[0]),
      parent: Number(fields[1]),
      device: fields[2]!,
      root: unescaped(fields[3]!),
      mountpoint: unescaped(fields[4]!),
      mountOptions: fields[5]!.split(','),
      type: unescaped(fields[hyphen + 1]!),
      source: unescaped(fields[hyphen + 2]!),
      superOptions: fields[hyphen + 3]!.split(','),
    });
  }
  return entries;
}

/** The kernel writes space, tab, newline, backslash and hash as a backslash and three octal digits. */
function unescaped(field: string): string {
  const bytes = field.replaceAll(/\\([0-7]{3})/g, (_, octal: string) =>
    String.fromCharCode(parseInt(octal, 8)),
  );
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

/** Everything mounted in this process's namespace, in the order in which it was mounted. */
export function mountTable(): MountEntry[] {
  return parseMountInfo(readFileSync('/proc/self/mountinfo', 'latin1'));
}

/** What is mounted on `path` itself, the topmost when there are several; undefined when nothing is. */
export function mountOn(path: string): MountEntry | undefined {
  const wanted = canonical(path);
  return mountTable().findLast((entry) => entry.mountpoint === wanted);
}

/** Whether something is mounted on `path` itself. */
export function isMounted(path: string): boolean {
  return mountOn(path) !== undefined;
}

/** Every mount of a volume: its path is the source, or it is the block device below the filesystem. */
export function mountsOf(source: string): MountEntry[] {
  const names = new Set([source, canonical(source)]);
  const device = deviceNumber(source);
  return mountTable().filter((entry) => names.has(entry.source) || entry.device === device);
}

/** The path without symbolic links; of a dead FUSE mount (ENOTCONN) or a path that is gone, the absolute path. */
function canonical(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return resolve(path);
  }
}

/** `major:minor` of a block device, undefined for anything else. */
function deviceNumber(path: string): string | undefined {
  try {
    const status = statSync(path);
    if (!status.isBlockDevice()) return undefined;
    // new_decode_dev and its 64-bit extension, as makedev(3) has it.
    const high = Math.floor(status.rdev / 4294967296);
    const low = status.rdev >>> 0;
    const major = ((low >>> 8) & 0xfff) + (high & 0xfffff000);
    const minor = (low & 0xff) + ((low >>> 12) & 0xfff00);
    return `${major}:${minor}`;
  } catch {
    return undefined;
  }
}
