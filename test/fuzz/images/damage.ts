/** What is done to an image, all of it following from a seed. */
import {
  crc32c,
  directoryEntry,
  directoryHeader,
  directoryIndex,
  directoryRoot,
  extentEntry,
  extentHeader,
  type Field,
  groupDescriptor,
  inode as inodeLayout,
  logHeader,
  logRecord,
  SET_HEADER_SIZE,
  setHeader,
  superblock,
  xattrEntry,
  xattrHeader,
} from '@vexfs/shared';
import { mutate, type Target } from '../../unit/volume/hostile.js';
import type { Seeded } from '../../unit/volume/seeded.js';
import type { BaseImage } from './base_images.js';
import { JournalDamage } from './journal_damage.js';
import type { ScratchImage } from './scratch_image.js';

/** Damages an image that is as its base; returns a sentence for each thing that was done. */
export function damage(base: BaseImage, image: ScratchImage, random: Seeded): string[] {
  const done: string[] = [];
  const work = new Damage(base, image, random);
  for (let times = random.of([1, 1, 1, 2, 3, 6]); times > 0; times--) done.push(work.apply());
  if (random.chance(3)) done.push(work.truncation());
  return done;
}

class Damage {
  private readonly base: BaseImage;
  private readonly image: ScratchImage;
  private readonly random: Seeded;
  private readonly kinds = new Map<string, Target[]>();

  constructor(base: BaseImage, image: ScratchImage, random: Seeded) {
    this.base = base;
    this.image = image;
    this.random = random;
    for (const target of base.targets) {
      const kind = kindOf(target);
      this.kinds.set(kind, [...(this.kinds.get(kind) ?? []), target]);
    }
  }

  apply(): string {
    const { random } = this;
    const way = random.below(100);
    if (way < 30) return this.field();
    if (way < 48) return this.words();
    if (way < 58) return this.transplant();
    if (way < 66) return this.flips();
    if (way < 72) return this.blocks();
    if (way < 78) return this.bitmap();
    return new JournalDamage(this.base, this.image, random).apply();
  }

  /** Each kind of metadata as often as any other, however many pieces of it there are. */
  private target(): Target {
    return this.random.of(this.random.of([...this.kinds.values()]));
  }

  private edit(target: Target, change: (piece: Uint8Array, view: DataView) => void): void {
    // The seal of a target finds its bytes by their place on the whole volume.
    const whole = new Uint8Array(target.position + target.length);
    const piece = whole.subarray(target.position);
    this.image.read(target.position, piece);
    change(piece, new DataView(whole.buffer, target.position, target.length));
    if (this.random.chance(93)) target.seal(whole);
    this.image.write(target.position, piece);
  }

  /** One field of a structure takes a value that means something elsewhere on the volume. */
  private field(): string {
    const target = this.target();
    let what = '';
    this.edit(target, (_piece, view) => {
      const places = fieldsOf(target, view);
      const { name, at, size } = this.random.of(places);
      const old = readWord(view, at, size);
      const value = this.value(old, size);
      writeWord(view, at, size, value);
      what = `${name}: ${old} became ${value}`;
    });
    return `${target.what}, ${what}`;
  }

  private value(old: number, size: number): number {
    const { base, random } = this;
    const most = size >= 8 ? 2 ** 53 - 1 : 2 ** (8 * size) - 1;
    const value = random.of([
      0,
      1,
      2,
      old + 1,
      Math.max(0, old - 1),
      old * 2,
      most,
      Math.floor(most / 2),
      Math.floor(most / 2) + 1,
      2 ** 32 - 1,
      2 ** 32,
      2 ** 44,
      base.geometry.totalBlocks,
      base.geometry.totalBlocks - 1,
      base.geometry.journalStart,
      base.geometry.journalStart + base.geometry.journalBlocks,
      base.geometry.blockSize,
      base.geometry.inodeCount,
      random.below(base.geometry.totalBlocks),
      random.below(base.geometry.inodeCount + 2),
      random.below(300),
      random.bits(),
    ]);
    return Math.min(value, most);
  }

  private words(): string {
    const target = this.target();
    const whole = new Uint8Array(target.position + target.length);
    const piece = whole.subarray(target.position);
    this.image.read(target.position, piece);
    mutate(whole, target, this.random);
    this.image.write(target.position, piece);
    return `words of ${target.what}`;
  }

  /** A piece of metadata takes the content of another of its kind, which then seems to be in two places. */
  private transplant(): string {
    const list = this.random.of([...this.kinds.values()]);
    const [from, to] = [this.random.of(list), this.random.of(list)];
    const length = Math.min(from.length, to.length);
    const source = new Uint8Array(from.length);
    this.image.read(from.position, source);
    const start = this.random.chance(50) ? 0 : this.random.below(length >> 3) * 8;
    const end = this.random.chance(50) ? length : Math.min(length, start + 8 + this.random.below(40));
    this.edit(to, (piece) => piece.set(source.subarray(start, end), start));
    return `bytes ${start} to ${end} of ${from.what} went to ${to.what}`;
  }

  /** What a bad medium does, without making any sum right: in metadata mostly, or anywhere. */
  private flips(): string {
    const { random, image } = this;
    const count = random.of([1, 1, 4, 30]);
    for (let i = 0; i < count; i++) {
      let at = random.below(Math.min(image.size, 2 ** 31));
      if (random.chance(70)) {
        const { position, length } = this.target();
        if (position + length <= image.size) at = position + random.below(length);
      }
      const byte = new Uint8Array(1);
      if (at >= image.size) continue;
      image.read(at, byte);
      byte[0]! ^= random.chance(50) ? 1 << random.below(8) : 1 + random.below(255);
      image.write(at, byte);
    }
    return `${count} bytes flipped`;
  }

  /** A block is overwritten by another, exchanged with it, zeroed or filled with ones. */
  private blocks(): string {
    const { random, image, base } = this;
    const last = Math.floor(image.size / base.geometry.blockSize);
    const pick = (): number => {
      const target = this.target();
      const block = random.chance(75)
        ? Math.floor(target.position / base.geometry.blockSize)
        : random.below(base.geometry.totalBlocks);
      return Math.min(block, last - 1);
    };
    const [one, other] = [pick(), pick()];
    const [first, second] = [
      new Uint8Array(base.geometry.blockSize),
      new Uint8Array(base.geometry.blockSize),
    ];
    image.read(one * base.geometry.blockSize, first);
    image.read(other * base.geometry.blockSize, second);
    const way = random.of(['copied over', 'exchanged with', 'zeroed beside', 'filled beside']);
    if (way === 'zeroed beside') first.fill(0);
    if (way === 'filled beside') first.fill(0xff);
    if (way === 'copied over' || way === 'exchanged with')
      image.write(other * base.geometry.blockSize, first);
    if (way === 'exchanged with') image.write(one * base.geometry.blockSize, second);
    else if (way !== 'copied over') image.write(one * base.geometry.blockSize, first);
    return `block ${one} ${way} block ${other}`;
  }

  /** To be done last: whatever else is changed has to be there. */
  truncation(): string {
    const { random, image, base } = this;
    const sizes = [
      0,
      1,
      512,
      1023,
      1024,
      base.geometry.blockSize,
      base.geometry.journalStart * base.geometry.blockSize,
      image.size - 1,
      image.size - base.geometry.blockSize,
      random.below(Math.min(image.size, 2 ** 31)),
    ];
    const size = Math.max(0, Math.min(image.size, random.of(sizes)));
    image.cut(size);
    return `cut to ${size} bytes`;
  }

  /** Bits of a block or inode bitmap, whose sum in the descriptor follows. */
  private bitmap(): string {
    const { random, image, base } = this;
    const descriptors = this.kinds.get('descriptor')!;
    const group = random.below(descriptors.length);
    const target = descriptors[group]!;
    const isInodes = random.chance(50);
    const block = isInodes ? base.geometry.inodeBitmap(group) : base.geometry.blockBitmap(group);
    if ((block + 1) * base.geometry.blockSize > image.size) return 'no bitmap';
    const bytes = new Uint8Array(base.geometry.blockSize);
    image.read(block * base.geometry.blockSize, bytes);
    for (let i = 1 + random.below(20); i > 0; i--) {
      const bit = random.below(random.chance(70) ? 1024 : bytes.length * 8);
      bytes[bit >> 3]! ^= 1 << (bit & 7);
    }
    image.write(block * base.geometry.blockSize, bytes);
    const sum = this.sumOf(block, bytes);
    this.edit(target, (_piece, view) => {
      const field = isInodes ? groupDescriptor.inode_bitmap_checksum : groupDescriptor.block_bitmap_checksum;
      field.set(view, 0, sum);
    });
    return `bits of block ${block}, sealed as the ${isInodes ? 'inode' : 'block'} bitmap of group ${group}`;
  }

  private sumOf(block: number, bytes: Uint8Array): number {
    const number = new Uint8Array(8);
    new DataView(number.buffer).setBigUint64(0, BigInt(block), true);
    return crc32c(crc32c(crc32c(0xffffffff, this.base.uuid), number), bytes);
  }
}

/** `inode` for `inode 17`: what pieces of metadata have in common. */
function kindOf({ what }: Target): string {
  return what.replace(/ of \d+$/, '').replace(/ \d+$/, '');
}

interface Place {
  readonly name: string;
  readonly at: number;
  readonly size: number;
}

type Structure = { readonly $: { readonly fields: ReadonlyArray<readonly [string, Field]> } };

function placesOf(structure: Structure, base: number, prefix = ''): Place[] {
  return structure.$.fields
    .filter(([, field]) => field.count === 0)
    .map(([name, field]) => ({ name: prefix + name, at: base + field.offset, size: field.size }));
}

/** Fields of up to `most` records of `size` bytes from byte `base` on. */
function recordsOf(structure: Structure, base: number, size: number, count: number, end: number): Place[] {
  const found: Place[] = [];
  for (let i = 0; i < count && base + (i + 1) * size <= end; i++)
    found.push(...placesOf(structure, base + i * size, `record ${i} `));
  return found;
}

/** The fields that a piece of metadata has, as its kind and its own counts say. */
function fieldsOf(target: Target, view: DataView): Place[] {
  const end = view.byteLength;
  const kind = kindOf(target);
  const few = (count: number): number => Math.min(count, 40);
  if (kind === 'superblock') return placesOf(superblock, 0);
  if (kind === 'descriptor') return placesOf(groupDescriptor, 0);
  if (kind === 'inode') {
    const { root } = inodeLayout;
    const isDirectory = (inodeLayout.mode.get(view, 0) & 0o170000) === 0o040000;
    const below = isDirectory
      ? placesOf(directoryRoot, root.offset, 'root ')
      : [
          ...placesOf(extentHeader, root.offset, 'root '),
          ...recordsOf(extentEntry, root.offset + 24, 24, 3, root.offset + root.size),
        ];
    return [...placesOf(inodeLayout, 0), ...below];
  }
  if (kind === 'extents') {
    const count = few(extentHeader.count.get(view, 0));
    return [...placesOf(extentHeader, 0), ...recordsOf(extentEntry, 24, 24, count, end)];
  }
  if (kind === 'directory block') return [...placesOf(directoryHeader, 0), ...entriesOf(view)];
  if (kind === 'attributes') return [...placesOf(xattrHeader, 0), ...placesOf(xattrEntry, 32, 'first ')];
  if (kind === 'set') {
    const count = few(setHeader.inline_records.get(view, 0));
    return [...placesOf(setHeader, 0), ...recordsOf(logRecord, SET_HEADER_SIZE, 24, count, end)];
  }
  const count = few(logHeader.count.get(view, 0));
  return [...placesOf(logHeader, 0), ...recordsOf(logRecord, 32, 24, count, end)];
}

/** Fields behind the header of a directory block: of entries, found through the slots, or of an index. */
function entriesOf(view: DataView): Place[] {
  const end = view.byteLength;
  const count = Math.min(directoryHeader.count.get(view, 0), 60);
  if (directoryHeader.level.get(view, 0) > 0) return recordsOf(directoryIndex, 32, 16, count, end);
  const found: Place[] = [];
  for (let slot = 0; slot < count && 32 + slot * 2 + 2 <= end; slot++) {
    found.push({ name: `slot ${slot}`, at: 32 + slot * 2, size: 2 });
    const at = view.getUint16(32 + slot * 2, true);
    if (at + directoryEntry.$.size <= end) found.push(...placesOf(directoryEntry, at, `entry ${slot} `));
  }
  return found;
}

function readWord(view: DataView, at: number, size: number): number {
  if (size === 1) return view.getUint8(at);
  if (size === 2) return view.getUint16(at, true);
  if (size === 4) return view.getUint32(at, true);
  return view.getUint32(at + 4, true) * 2 ** 32 + view.getUint32(at, true);
}

function writeWord(view: DataView, at: number, size: number, value: number): void {
  if (size === 1) view.setUint8(at, value);
  else if (size === 2) view.setUint16(at, value, true);
  else {
    view.setUint32(at, value % 2 ** 32, true);
    if (size === 8) view.setUint32(at + 4, Math.floor(value / 2 ** 32), true);
  }
}
