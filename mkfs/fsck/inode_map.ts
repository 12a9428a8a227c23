import { type Geometry, setBits } from '@vexfs/fuse/volume';
import { ROOT_INODE } from '@vexfs/shared';

/** File type in the low four bits of a state (bits 12 to 15 of the mode), 0 for a free inode. */
export const TYPE = 0x0f;
export const HIDDEN = 0x10;
/** Stands on the orphan list. */
export const ORPHAN = 0x20;
/** A hidden inode that its owner names. */
export const NAMED_BY_OWNER = 0x40;
/** A directory that can be reached from the root. */
export const CONNECTED = 0x80;

interface Piece {
  readonly state: Uint8Array;
  readonly links: Uint32Array;
  readonly names: Uint32Array;
  readonly parent: Uint32Array;
}

/** What the passes learn of each inode, in columns that exist for groups with inodes in use: 13 bytes an inode. */
export class InodeMap {
  private readonly geometry: Geometry;
  private readonly pieces: Array<Piece | undefined>;

  constructor(geometry: Geometry) {
    this.geometry = geometry;
    this.pieces = new Array(geometry.groupCount);
  }

  private piece(number: number): Piece | undefined {
    return this.pieces[this.geometry.groupOfInode(number)];
  }

  private make(number: number): Piece {
    const group = this.geometry.groupOfInode(number);
    const found = this.pieces[group];
    if (found !== undefined) return found;
    const count = this.geometry.inodesPerGroup;
    const piece = {
      state: new Uint8Array(count),
      links: new Uint32Array(count),
      names: new Uint32Array(count),
      parent: new Uint32Array(count),
    };
    this.pieces[group] = piece;
    return piece;
  }

  /** Type and flags; 0 for a free inode. `number` is 1 to inodeCount. */
  state(number: number): number {
    return this.piece(number)?.state[this.geometry.indexOfInode(number)] ?? 0;
  }

  type(number: number): number {
    return this.state(number) & TYPE;
  }

  has(number: number, flag: number): boolean {
    return (this.state(number) & flag) !== 0;
  }

  setState(number: number, state: number): void {
    this.make(number).state[this.geometry.indexOfInode(number)] = state;
  }

  mark(number: number, flag: number): void {
    this.make(number).state[this.geometry.indexOfInode(number)]! |= flag;
  }

  /** The link count that the inode itself has. */
  links(number: number): number {
    return this.piece(number)?.links[this.geometry.indexOfInode(number)] ?? 0;
  }

  setLinks(number: number, links: number): void {
    this.make(number).links[this.geometry.indexOfInode(number)] = links;
  }

  /** Of a file the names that lead to it; of a directory the directories in it. */
  names(number: number): number {
    return this.piece(number)?.names[this.geometry.indexOfInode(number)] ?? 0;
  }

  addName(number: number): void {
    this.make(number).names[this.geometry.indexOfInode(number)]! += 1;
  }

  /** The directory in which a directory was found; 0 as long as it was found nowhere. */
  parent(number: number): number {
    return this.piece(number)?.parent[this.geometry.indexOfInode(number)] ?? 0;
  }

  setParent(number: number, parent: number): void {
    this.make(number).parent[this.geometry.indexOfInode(number)] = parent;
  }

  /** Whether a group has no inode in use. */
  isUntouched(group: number): boolean {
    return this.pieces[group] === undefined;
  }

  /** The numbers of all inodes in use, ascending. */
  *used(): Generator<number> {
    const { inodesPerGroup, groupCount } = this.geometry;
    for (let group = 0; group < groupCount; group++) {
      const piece = this.pieces[group];
      if (piece === undefined) continue;
      for (let index = 0; index < inodesPerGroup; index++) {
        if ((piece.state[index]! & TYPE) !== 0) yield group * inodesPerGroup + index + 1;
      }
    }
  }

  /** Inode bits of a group: the reserved ones and those in use are 1, and all behind the last. */
  fillBitmap(group: number, bitmap: Uint8Array, reserved: number): void {
    const { inodesPerGroup } = this.geometry;
    const piece = this.pieces[group];
    bitmap.fill(0);
    setBits(bitmap, inodesPerGroup, bitmap.length * 8 - inodesPerGroup);
    if (piece === undefined && group > 0) return;
    for (let index = 0; index < inodesPerGroup; index++) {
      const number = group * inodesPerGroup + index + 1;
      const isUsed = piece !== undefined && (piece.state[index]! & TYPE) !== 0;
      if (isUsed || (number >= ROOT_INODE && number <= reserved)) bitmap[index >> 3]! |= 1 << (index & 7);
    }
  }
}
