/** Damage to a journal, with checksums made right again; an own reading of docs/format.md section 11. */
import { crc32c } from '@vexfs/shared';
import type { Seeded } from '../../unit/volume/seeded.js';
import type { BaseImage } from './base_images.js';
import type { ScratchImage } from './scratch_image.js';

const MAGIC = 0xc03b3998;
const DESCRIPTOR = 1;
const COMMIT = 2;
const REVOKE = 5;
const HEADER = 12;
const TAG = 16;
const UUID = 16;
const SAME_UUID = 2;
const LAST = 8;
const COMMIT_SUM_AT = 16;
const SUPERBLOCK_SUM_AT = 252;
const SUPERBLOCK_BYTES = 1024;

/** A block of the journal that is no data, by its place on the volume. */
interface Control {
  readonly block: number;
  readonly type: number;
  readonly bytes: Uint8Array;
}

const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

export class JournalDamage {
  private readonly base: BaseImage;
  private readonly image: ScratchImage;
  private readonly random: Seeded;
  private readonly seed: number;

  constructor(base: BaseImage, image: ScratchImage, random: Seeded) {
    this.base = base;
    this.image = image;
    this.random = random;
    const superblock = this.read(base.geometry.journalStart);
    this.seed = crc32c(0xffffffff, superblock.subarray(48, 64));
  }

  private read(block: number): Uint8Array {
    const bytes = new Uint8Array(this.base.geometry.blockSize);
    this.image.read(block * this.base.geometry.blockSize, bytes);
    return bytes;
  }

  private write(block: number, bytes: Uint8Array): void {
    this.image.write(block * this.base.geometry.blockSize, bytes);
  }

  /** Changes one thing; returns what it was. */
  apply(): string {
    const controls = this.controls();
    if (controls.length === 0 || this.random.chance(25)) return this.superblock();
    const control = this.random.of(controls);
    if (control.type === DESCRIPTOR && this.random.chance(50)) return this.logged(control);
    return this.control(control);
  }

  /** The first blocks of the log that are descriptors, revokes and commits. */
  private controls(): Control[] {
    const found: Control[] = [];
    const { journalStart, journalBlocks } = this.base.geometry;
    for (let i = 1; i < Math.min(journalBlocks, 200); i++) {
      const bytes = this.read(journalStart + i);
      const view = viewOf(bytes);
      const type = view.getUint32(4);
      if (view.getUint32(0) !== MAGIC || ![DESCRIPTOR, COMMIT, REVOKE].includes(type)) continue;
      found.push({ block: journalStart + i, type, bytes });
    }
    return found;
  }

  /** A value that gets past a careless check. */
  private value(old: number): number {
    const { journalStart, journalBlocks, totalBlocks } = this.base.geometry;
    return this.random.of([
      0,
      1,
      2,
      (old + 1) >>> 0,
      (old - 1) >>> 0,
      0x7fffffff,
      0xffffffff,
      journalBlocks,
      journalBlocks - 1,
      journalStart,
      totalBlocks,
      totalBlocks - 1,
      this.random.below(totalBlocks),
      this.random.bits(),
    ]);
  }

  private superblock(): string {
    const bytes = this.read(this.base.geometry.journalStart);
    const view = viewOf(bytes);
    // The fields that a replay goes by: sizes, first block, sequence, start, errno, features, and whatever lies behind.
    const at = this.random.of([4, 12, 16, 20, 24, 24, 28, 28, 28, 32, 36, 40, 44, 80, 84, 88]);
    view.setUint32(at, this.value(view.getUint32(at)));
    if (this.random.chance(80)) this.sealSuperblock(bytes);
    this.write(this.base.geometry.journalStart, bytes);
    return `byte ${at} of the journal's superblock`;
  }

  private sealSuperblock(bytes: Uint8Array): void {
    viewOf(bytes).setUint32(SUPERBLOCK_SUM_AT, 0);
    viewOf(bytes).setUint32(SUPERBLOCK_SUM_AT, crc32c(0xffffffff, bytes.subarray(0, SUPERBLOCK_BYTES)));
  }

  private control(control: Control): string {
    const { bytes, type, block } = control;
    const view = viewOf(bytes);
    const limit = type === COMMIT ? 64 : this.random.of([16, 64, bytes.length - 4]);
    const at = this.random.below(limit >> 2) * 4;
    view.setUint32(at, this.value(view.getUint32(at)));
    if (this.random.chance(85)) this.seal(bytes, type);
    this.write(block, bytes);
    return `byte ${at} of journal block ${block} (type ${type})`;
  }

  private seal(bytes: Uint8Array, type: number): void {
    const at = type === COMMIT ? COMMIT_SUM_AT : bytes.length - 4;
    viewOf(bytes).setUint32(at, 0);
    viewOf(bytes).setUint32(at, crc32c(this.seed, bytes));
  }

  /** A copy of a metadata block in the log is changed, and its tag carries the sum of what it has become. */
  private logged(control: Control): string {
    const { bytes, block } = control;
    const view = viewOf(bytes);
    const tags: number[] = [];
    for (let at = HEADER; at + TAG <= bytes.length - 4; ) {
      tags.push(at);
      const flags = view.getUint32(at + 4);
      if ((flags & LAST) !== 0) break;
      at += TAG + ((flags & SAME_UUID) === 0 ? UUID : 0);
    }
    const index = this.random.below(tags.length);
    const place = block + 1 + index;
    if (place >= this.base.geometry.journalStart + this.base.geometry.journalBlocks)
      return this.control(control);
    const copy = this.read(place);
    for (let i = 1 + this.random.below(4); i > 0; i--) {
      const limit = this.random.chance(60) ? 128 : copy.length;
      copy[this.random.below(limit)] = this.random.of([0, 1, 0xff, this.random.bits() & 0xff]);
    }
    const sequence = bytes.slice(8, 12);
    view.setUint32(tags[index]! + 12, crc32c(crc32c(this.seed, sequence), copy));
    this.seal(bytes, DESCRIPTOR);
    this.write(place, copy);
    this.write(block, bytes);
    return `the logged copy in journal block ${place}`;
  }
}
