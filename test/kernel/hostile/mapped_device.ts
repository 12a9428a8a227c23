/** Devices of the device mapper, for programs in a guest. No udev runs there. */
import { mkdirSync } from 'node:fs';
import { must } from '../../parity/backend/programs.js';

const QUIET = ['--noudevsync', '--noudevrules'];

function dmsetup(...words: string[]): string {
  // It keeps its lock there.
  mkdirSync('/run/lock', { recursive: true });
  return must('dmsetup', words);
}

/** Makes a device of one target. Returns its path. */
export function mapDevice(name: string, table: string): string {
  dmsetup('create', ...QUIET, name, '--table', table);
  return `/dev/${dmsetup('info', '--columns', '--noheadings', '-o', 'blkdevname', name).trim()}`;
}

/** Puts another target in its place, for those too who have it open. What is under way fails by it. */
export function replaceTable(name: string, table: string): void {
  dmsetup('suspend', ...QUIET, '--nolockfs', '--noflush', name);
  dmsetup('load', ...QUIET, name, '--table', table);
  dmsetup('resume', ...QUIET, name);
}

export function unmapDevice(name: string): void {
  dmsetup('remove', ...QUIET, name);
}
