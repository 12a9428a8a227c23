import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { MKFS, must, run } from '../../parity/backend/programs.js';

const MKFS_MS = 120_000;

/** VexFS and ext4 in a guest, each mounted on one half of the same block device. */
export class TwoVolumes {
  readonly vexfs: string;
  readonly ext4: string;
  private readonly halves: readonly [string, string];

  constructor(device: string, folder: string) {
    const sectors = Number(must('blockdev', ['--getsz', device]).trim());
    const half = Math.floor(sectors / 2 / 2048) * 2048;
    this.halves = [this.half('ours', device, 0, half), this.half('peer', device, half, half)];
    this.vexfs = join(folder, 'vexfs');
    this.ext4 = join(folder, 'ext4');
    const [ours, theirs] = this.halves;
    must(process.execPath, [MKFS, '-q', '-f', ours], MKFS_MS);
    // All of it at once: nothing is initialised behind what is measured.
    const whole = 'lazy_itable_init=0,lazy_journal_init=0';
    must('mkfs.ext4', ['-q', '-F', '-E', whole, theirs], MKFS_MS);
    mkdirSync(this.vexfs);
    mkdirSync(this.ext4);
    this.mountVexfs();
    must('mount', ['-t', 'ext4', theirs, this.ext4]);
  }

  /** A device of its own for a part of another. Returns its path. */
  private half(name: string, device: string, from: number, sectors: number): string {
    const quiet = ['--noudevsync', '--noudevrules'];
    must('dmsetup', ['create', ...quiet, name, '--table', `0 ${sectors} linear ${device} ${from}`]);
    const columns = ['info', '--columns', '--noheadings', '-o', 'blkdevname', name];
    const path = `/dev/${must('dmsetup', columns).trim()}`;
    if (!statSync(path).isBlockDevice()) throw new Error(`${path} is no block device`);
    return path;
  }

  mountVexfs(): void {
    must('mount', ['-i', '-t', 'vexfs', this.halves[0], this.vexfs]);
  }

  unmountVexfs(): void {
    must('umount', [this.vexfs]);
  }

  end(): void {
    this.unmountVexfs();
    must('umount', [this.ext4]);
    for (const name of ['ours', 'peer']) run('dmsetup', ['remove', '--noudevsync', '--noudevrules', name]);
  }
}
