import { INODE_HIDDEN, INODE_SIZE, inode as layout } from '@vexfs/shared';

const S_IFMT = 0o170000;
const S_IFREG = 0o100000;
const S_IFDIR = 0o040000;

/** A point in time: whole seconds since the epoch and nanoseconds 0..999,999,999. */
export interface Timestamp {
  readonly seconds: number;
  readonly nanoseconds: number;
}

/**
 * One inode in memory: its 256 bytes and typed access to them. Setters change memory only; `markDirty` puts the inode
 * into the running transaction, whose freeze writes it into its table block.
 */
export class Inode {
  readonly number: number;
  readonly bytes: Uint8Array;
  /** The root of the extent tree or directory tree, or a short symlink target. */
  readonly root: Uint8Array;
  readonly rootView: DataView;
  /** Transaction that changed it last. */
  changedIn = 0;
  /** Counts every change of the extent tree, so that a mapping of the rows knows that it is stale. */
  extentVersion = 0;

  private readonly view: DataView;
  private readonly onChange: (inode: Inode) => void;

  constructor(number: number, bytes: Uint8Array, onChange: (inode: Inode) => void) {
    if (bytes.length !== INODE_SIZE) throw new RangeError('an inode has 256 bytes');
    this.number = number;
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, INODE_SIZE);
    this.root = layout.root.of(bytes, 0);
    this.rootView = new DataView(this.root.buffer, this.root.byteOffset, this.root.length);
    this.onChange = onChange;
  }

  markDirty(): void {
    this.onChange(this);
  }

  get mode(): number {
    return layout.mode.get(this.view, 0);
  }
  set mode(value: number) {
    layout.mode.set(this.view, 0, value);
  }
  get links(): number {
    return layout.links.get(this.view, 0);
  }
  set links(value: number) {
    layout.links.set(this.view, 0, value);
  }
  get uid(): number {
    return layout.uid.get(this.view, 0);
  }
  set uid(value: number) {
    layout.uid.set(this.view, 0, value);
  }
  get gid(): number {
    return layout.gid.get(this.view, 0);
  }
  set gid(value: number) {
    layout.gid.set(this.view, 0, value);
  }
  /** Bytes of content. */
  get size(): number {
    return layout.size.get(this.view, 0);
  }
  set size(value: number) {
    layout.size.set(this.view, 0, value);
  }
  /** File-system blocks that this inode owns: data, trees, xattrs; not those of its hidden inodes. */
  get blocks(): number {
    return layout.blocks.get(this.view, 0);
  }
  set blocks(value: number) {
    layout.blocks.set(this.view, 0, value);
  }
  get flags(): number {
    return layout.flags.get(this.view, 0);
  }
  set flags(value: number) {
    layout.flags.set(this.view, 0, value);
  }
  get generation(): number {
    return layout.generation.get(this.view, 0);
  }
  set generation(value: number) {
    layout.generation.set(this.view, 0, value);
  }
  /** Device number in the encoding of the kernel's new_encode_dev(). */
  get rdev(): number {
    return layout.rdev.get(this.view, 0);
  }
  set rdev(value: number) {
    layout.rdev.set(this.view, 0, value);
  }
  /** Number of the hidden set inode; 0 for none. */
  get vectorSet(): number {
    return layout.vector_set.get(this.view, 0);
  }
  set vectorSet(value: number) {
    layout.vector_set.set(this.view, 0, value);
  }
  get xattrBlock(): number {
    return layout.xattr_block.get(this.view, 0);
  }
  set xattrBlock(value: number) {
    layout.xattr_block.set(this.view, 0, value);
  }
  get orphanNext(): number {
    return layout.orphan_next.get(this.view, 0);
  }
  set orphanNext(value: number) {
    layout.orphan_next.set(this.view, 0, value);
  }
  /** Of a directory its parent, of a hidden inode its owner. */
  get parent(): number {
    return layout.parent.get(this.view, 0);
  }
  set parent(value: number) {
    layout.parent.set(this.view, 0, value);
  }
  get ownerGeneration(): number {
    return layout.owner_generation.get(this.view, 0);
  }
  set ownerGeneration(value: number) {
    layout.owner_generation.set(this.view, 0, value);
  }

  get isDirectory(): boolean {
    return (this.mode & S_IFMT) === S_IFDIR;
  }
  get isRegular(): boolean {
    return (this.mode & S_IFMT) === S_IFREG;
  }
  get isHidden(): boolean {
    return (this.flags & INODE_HIDDEN) !== 0;
  }

  get atime(): Timestamp {
    return { seconds: layout.atime.get(this.view, 0), nanoseconds: layout.atime_nsec.get(this.view, 0) };
  }
  set atime(time: Timestamp) {
    layout.atime.set(this.view, 0, time.seconds);
    layout.atime_nsec.set(this.view, 0, time.nanoseconds);
  }
  get mtime(): Timestamp {
    return { seconds: layout.mtime.get(this.view, 0), nanoseconds: layout.mtime_nsec.get(this.view, 0) };
  }
  set mtime(time: Timestamp) {
    layout.mtime.set(this.view, 0, time.seconds);
    layout.mtime_nsec.set(this.view, 0, time.nanoseconds);
  }
  get ctime(): Timestamp {
    return { seconds: layout.ctime.get(this.view, 0), nanoseconds: layout.ctime_nsec.get(this.view, 0) };
  }
  set ctime(time: Timestamp) {
    layout.ctime.set(this.view, 0, time.seconds);
    layout.ctime_nsec.set(this.view, 0, time.nanoseconds);
  }
  set btime(time: Timestamp) {
    layout.btime.set(this.view, 0, time.seconds);
    layout.btime_nsec.set(this.view, 0, time.nanoseconds);
  }
  get btime(): Timestamp {
    return { seconds: layout.btime.get(this.view, 0), nanoseconds: layout.btime_nsec.get(this.view, 0) };
  }
}
