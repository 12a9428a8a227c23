import { MountError } from './mount_error.js';

/** Flags of mount(8) that concern any filesystem; they are handed on as they are. */
const MOUNT_FLAGS: ReadonlySet<string> = new Set([
  'ro',
  'rw',
  'suid',
  'nosuid',
  'dev',
  'nodev',
  'exec',
  'noexec',
  'sync',
  'async',
  'dirsync',
  'atime',
  'noatime',
  'diratime',
  'nodiratime',
  'relatime',
  'norelatime',
  'strictatime',
  'nostrictatime',
  'lazytime',
  'nolazytime',
]);

/** Options that fstab, mount(8) and systemd write for themselves (mount(8), fstab(5)); they mean nothing to us. */
const FSTAB_ONLY: ReadonlySet<string> = new Set([
  'defaults',
  'auto',
  'noauto',
  'user',
  'nouser',
  'users',
  'owner',
  'group',
  '_netdev',
  'nofail',
  'comment',
]);

/** SELinux labels (mount(8)): the kernel takes them for every filesystem. */
const LABELS: ReadonlySet<string> = new Set(['context', 'fscontext', 'defcontext', 'rootcontext']);

/** What an option of the daemon's own expects: nothing, or text after `=`. */
export type OwnOptions = Readonly<Record<string, 'flag' | 'value'>>;

export type AccessTimes = 'relatime' | 'strictatime' | 'noatime';

/** What the flags of mount(8) about access times mean; without any, relatime. */
const ACCESS_TIMES: Readonly<Record<string, AccessTimes>> = {
  atime: 'relatime',
  noatime: 'noatime',
  relatime: 'relatime',
  norelatime: 'relatime',
  strictatime: 'strictatime',
  nostrictatime: 'relatime',
};

/** A parsed `-o` string. */
export interface MountOptions {
  /** For mount(8): flags as given, and SELinux labels as `key=value`. */
  readonly mountFlags: readonly string[];
  readonly readOnly: boolean;
  /** Which reads move access times: those after a change or a day, all, or none. */
  readonly accessTimes: AccessTimes;
  /** Whether that holds for directories too: their times stay with `nodiratime`. */
  readonly directoryTimes: boolean;
  /** Users other than the one who mounts may use the filesystem. */
  readonly allowOther: boolean;
  /** Largest READ request in bytes, when given. */
  readonly maxRead: number | undefined;
  /** Name that stands as the source in the mount table instead of the volume's path. */
  readonly fsname: string | undefined;
  /** The daemon's own options; flags have the value ''. */
  readonly own: ReadonlyMap<string, string>;
}

/**
 * Parses a comma-separated option string. A backslash takes the next character as it is, double quotes (as mount(8) has
 * them around labels) keep commas together. A later option overrides an earlier one. Throws MountError naming the option that
 * is unknown, lacks its value, or has one it does not take.
 */
export function parseMountOptions(text: string, own: OwnOptions = {}): MountOptions {
  const mountFlags: string[] = [];
  const found = new Map<string, string>();
  let readOnly = false;
  let accessTimes: AccessTimes = 'relatime';
  let directoryTimes = true;
  let allowOther = false;
  let maxRead: number | undefined;
  let fsname: string | undefined;

  for (const option of splitOptions(text)) {
    const equals = option.indexOf('=');
    const key = equals < 0 ? option : option.slice(0, equals);
    const value = equals < 0 ? undefined : option.slice(equals + 1);
    const expected = Object.hasOwn(own, key) ? own[key] : undefined;
    if (expected !== undefined) {
      if (expected === 'value' && (value === undefined || value === '')) throw needsValue(key);
      if (expected === 'flag') takesNoValue(key, value);
      found.set(key, value ?? '');
    } else if (MOUNT_FLAGS.has(key)) {
      takesNoValue(key, value);
      if (key === 'ro' || key === 'rw') readOnly = key === 'ro';
      if (key === 'diratime' || key === 'nodiratime') directoryTimes = key === 'diratime';
      accessTimes = ACCESS_TIMES[key] ?? accessTimes;
      mountFlags.push(key);
    } else if (LABELS.has(key)) {
      if (value === undefined || value === '') throw needsValue(key);
      mountFlags.push(`${key}="${value}"`);
    } else if (key === 'allow_other') {
      takesNoValue(key, value);
      allowOther = true;
    } else if (key === 'default_permissions') {
      takesNoValue(key, value);
    } else if (key === 'max_read') {
      maxRead = byteCount(key, value);
    } else if (key === 'fsname') {
      if (value === undefined || value === '') throw needsValue(key);
      fsname = value;
    } else if (!FSTAB_ONLY.has(key) && !/^x-/i.test(key)) {
      throw new MountError(`unknown mount option '${key}'`);
    }
  }
  return { mountFlags, readOnly, accessTimes, directoryTimes, allowOther, maxRead, fsname, own: found };
}

/** Cuts at commas that are neither escaped nor quoted, and takes escapes and quotes away; empty pieces are dropped. */
export function splitOptions(text: string): string[] {
  const pieces: string[] = [];
  let piece = '';
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at]!;
    if (character === '\\' && at + 1 < text.length) {
      at += 1;
      piece += text[at];
    } else if (character === '"') {
      quoted = !quoted;
    } else if (character === ',' && !quoted) {
      if (piece !== '') pieces.push(piece);
      piece = '';
    } else {
      piece += character;
    }
  }
  if (quoted) throw new MountError(`the mount options end inside double quotes: ${text}`);
  if (piece !== '') pieces.push(piece);
  return pieces;
}

/** Escapes a value so that splitOptions, and fusermount3, read it back as it is. */
export function escapeOption(value: string): string {
  return value.replaceAll(/[\\,]/g, '\\$&');
}

function takesNoValue(key: string, value: string | undefined): void {
  if (value !== undefined) throw new MountError(`mount option '${key}' takes no value`);
}

function needsValue(key: string): MountError {
  return new MountError(`mount option '${key}' needs a value, as in ${key}=...`);
}

function byteCount(key: string, value: string | undefined): number {
  if (value === undefined || !/^[0-9]{1,9}$/.test(value)) {
    throw new MountError(`mount option '${key}' needs a number of bytes, as in ${key}=131072`);
  }
  return Number(value);
}
