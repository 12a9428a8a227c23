/** One damaged image: what fsck and the daemon make of it, and of each other's work. */
import { join } from 'node:path';
import { checkVolume } from '@vexfs/mkfs/fsck';
import { Seeded } from '../../unit/volume/seeded.js';
import { BASE_IMAGES, baseImage } from './base_images.js';
import { damage } from './damage.js';
import { ScratchImage } from './scratch_image.js';
import { type Report, runSession } from './session.js';

/** What became of an image, for the figures of a run. */
export interface ImageResult {
  /** What was done to it. */
  readonly damage: readonly string[];
  /** fsck -n: 0 sound, 4 damaged, 8 nothing that could be checked. */
  readonly exitCode: number;
  readonly refused: boolean;
  readonly damageMet: number;
  readonly failures: readonly string[];
}

const UNCHECKABLE = 8;
const NO_ROOM = /cannot be repaired: (no free inodes|ENOSPC)/;

/** What fsck finds; the exit code of the program for a volume that cannot be checked. */
function check(image: ScratchImage, mode: 'look' | 'all'): { exitCode: number; findings: string[] } {
  try {
    const outcome = checkVolume(image, { mode, force: true });
    const findings = outcome.examination?.findings.list ?? [];
    return { exitCode: outcome.exitCode, findings: findings.map(({ message }) => message) };
  } catch (error) {
    const { name, message } = error as Error;
    if (name !== 'UncheckableError' && name !== 'JournalError') throw error;
    return { exitCode: UNCHECKABLE, findings: [message] };
  }
}

/** Images to be damaged, a file for each base. */
export class ImagePool {
  private readonly folder: string;
  private readonly images = new Map<number, ScratchImage>();

  constructor(folder: string) {
    this.folder = folder;
  }

  /** Makes the image that follows from a seed, and says what was done to it. The next call may take it away. */
  damaged(seed: number): { image: ScratchImage; done: string[] } {
    const random = new Seeded(Math.imul(seed, 0x9e3779b1));
    const index = seed % BASE_IMAGES;
    const base = baseImage(index);
    let image = this.images.get(index);
    if (image === undefined) {
      image = new ScratchImage(join(this.folder, `image-${process.pid}-${index}`), base.bytes);
      this.images.set(index, image);
    } else {
      image.reset();
    }
    const done = damage(base, image, random);
    image.keep();
    return { image, done: [base.name, ...done] };
  }

  close(): void {
    for (const image of this.images.values()) image.close();
  }
}

/** Runs everything over the image of a seed. Throws what no caller should ever see. */
export function runImage(pool: ImagePool, seed: number): ImageResult {
  const { image, done } = pool.damaged(seed);
  const failures: string[] = [];
  const say = (failure: string): void => {
    failures.push(failure);
  };
  const look = check(image, 'look');
  const walk = runSession(image, new Seeded(seed), true);
  if (image.writes > 0) say('a look has written');
  const use = runSession(image, new Seeded(seed), false);
  if (look.exitCode === 0) {
    sound(walk, 'a walk of what fsck calls sound', say);
    sound(use, 'the use of what fsck calls sound', say);
    clean(image, 'after the use of what fsck calls sound', say);
  } else if (seed % 3 === 0) {
    repaired(image, look.exitCode, 'after the use of a damaged volume, a repair', say);
  }
  image.restore();
  if (repaired(image, look.exitCode, 'a repair', say) && use.refused === undefined) {
    sound(runSession(image, new Seeded(seed), false), 'the use of a repaired volume', say);
    clean(image, 'after the use of a repaired volume', say);
  }
  return {
    damage: done,
    exitCode: look.exitCode,
    refused: walk.refused !== undefined,
    damageMet: walk.damage.length + use.damage.length,
    failures,
  };
}

/** fsck -y, and then -n, which has to find nothing. Returns whether the volume is one that can be used. */
function repaired(
  image: ScratchImage,
  before: number,
  what: string,
  say: (failure: string) => void,
): boolean {
  const repair = check(image, 'all');
  if (repair.exitCode === UNCHECKABLE) {
    if (before !== UNCHECKABLE) say(`${what} is refused: ${repair.findings.join('; ')}`);
    return false;
  }
  if (repair.exitCode > 1) {
    // A full volume may have no inode for lost+found, or no block for what has to be made anew.
    const left = check(image, 'look').findings;
    if (left.some((finding) => NO_ROOM.test(finding))) return false;
    say(`${what} ends with ${repair.exitCode}: ${repair.findings.slice(0, 5).join('; ')}`);
  }
  clean(image, `after ${what}`, say);
  return true;
}

function clean(image: ScratchImage, when: string, say: (failure: string) => void): void {
  const { exitCode, findings } = check(image, 'look');
  if (exitCode !== 0) say(`${when}, fsck -n says ${exitCode}: ${findings.slice(0, 5).join('; ')}`);
}

function sound(report: Report, what: string, say: (failure: string) => void): void {
  if (report.refused !== undefined) say(`${what}: it is refused: ${report.refused}`);
  if (report.broken !== undefined) say(`${what}: writing ended: ${report.broken}`);
  if (report.damage.length > 0)
    say(`${what} met damage: ${[...new Set(report.damage)].slice(0, 5).join('; ')}`);
}
