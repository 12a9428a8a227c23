/** What a daemon does with a volume, from the mount to the unmount, on the thread of the caller. */
import { type VectorFile, VectorFiles } from '@vexfs/fuse/daemon';
import { JournalError, JournalWriter } from '@vexfs/fuse/journal';
import {
  commitNow,
  createInode,
  DamageError,
  DeviceError,
  deleteInode,
  directory,
  FsError,
  finishOrphans,
  holdsExtents,
  type Inode,
  linkName,
  lookupName,
  NeedCommit,
  preallocate,
  punchHole,
  RENAME_EXCHANGE,
  readContent,
  removeDirectory,
  renameName,
  seek,
  truncateContent,
  unlinkName,
  Volume,
  writeContent,
  xattr,
} from '@vexfs/fuse/volume';
import { ROOT_INODE, XATTR_USER } from '@vexfs/shared';
import type { Seeded } from '../../unit/volume/seeded.js';
import { searchAll } from './row_search.js';
import type { ScratchImage } from './scratch_image.js';

const NOW = { seconds: 1_700_000_100, nanoseconds: 1 };
/** Names that are looked at: a damaged directory may lead into itself. */
const MOST_NAMES = 250;
/** Bytes of a file that are read. */
const MOST_READ = 1 << 20;
/** Commits after which an operation counts as one that never ends. */
const MOST_COMMITS = 300;

/** How a session went. */
export interface Report {
  /** Why the volume could not be opened, in a sentence. */
  refused?: string;
  /** The sentences about damage that operations ended with. */
  readonly damage: string[];
  /** Why writing ended for good. */
  broken?: string;
  /** Files, folders and other things that were found. */
  found: number;
}

interface Name {
  readonly parent: number;
  readonly name: Uint8Array;
}

/**
 * Opens the volume, walks it, reads everything, searches its rows; unless `readOnly`, then changes and deletes what is
 * there, commits and closes the journal. Errors that a caller would get as an errno are noted; any other is thrown.
 */
export function runSession(image: ScratchImage, random: Seeded, readOnly: boolean): Report {
  const report: Report = { damage: [], found: 0 };
  let session: Session;
  try {
    session = new Session(image, random, readOnly, report);
  } catch (error) {
    // As fuse_worker.ts tells a refusal from a fault of the program.
    if (!(error instanceof Error) || error instanceof TypeError || error instanceof RangeError) throw error;
    if (error.name === 'Error') throw error;
    report.refused = error.message;
    return report;
  }
  session.explore();
  if (!readOnly) session.disturb();
  session.close();
  return report;
}

class Session {
  private readonly volume: Volume;
  private readonly writer: JournalWriter | undefined;
  private readonly vectors: VectorFiles;
  private readonly random: Seeded;
  private readonly report: Report;
  private readonly names: Name[] = [];
  /** Files whose rows were opened. */
  private readonly opened = new Set<Inode>();
  private softLimit = 64;

  constructor(image: ScratchImage, random: Seeded, readOnly: boolean, report: Report) {
    this.random = random;
    this.report = report;
    const { volume, nextSequence } = Volume.open(image, { readOnly, deviceReadOnly: readOnly });
    this.volume = volume;
    if (!readOnly) {
      const { journalStart, journalBlocks, blockSize, totalBlocks } = volume.geometry;
      const area = { start: journalStart, blocks: journalBlocks, blockSize };
      const writer = new JournalWriter(image, area, totalBlocks, nextSequence);
      this.writer = writer;
      this.softLimit = Math.floor(writer.maxTransactionBlocks / 4);
      volume.freeBudget = Math.max(8, this.softLimit >> 2);
      volume.noteMount(1_700_000_000);
      finishOrphans(volume, () => commitNow(volume, writer));
      commitNow(volume, writer);
    }
    this.vectors = new VectorFiles(volume, image.fd);
    this.vectors.onBroken = (error) => {
      this.report.broken = error instanceof Error ? error.message : String(error);
    };
  }

  /** Runs what damage may end, but only with an error that a caller knows. Returns the errno, or 0. */
  private try(work: () => void): number {
    if (this.report.broken !== undefined) return 30;
    for (let commits = 0; ; commits++) {
      try {
        work();
        this.settle();
        return 0;
      } catch (error) {
        if (error instanceof NeedCommit && this.writer !== undefined && this.report.broken === undefined) {
          if (commits > MOST_COMMITS) throw new Error('an operation wants one commit after another');
          this.commit();
          continue;
        }
        if (error instanceof DamageError) this.report.damage.push(error.message);
        if (error instanceof FsError || error instanceof DeviceError) return error.errno;
        throw error;
      }
    }
  }

  private settle(): void {
    const { volume } = this;
    if (volume.transactionBlocks + volume.store.revokedBlocks > this.softLimit) this.commit();
    volume.inodes.trim((number) => this.vectors.holds(number));
    this.vectors.trim(() => false);
    volume.store.trim();
  }

  private commit(): void {
    const { volume, writer } = this;
    if (writer === undefined || this.report.broken !== undefined) return;
    const id = volume.store.transaction;
    try {
      commitNow(volume, writer);
    } catch (error) {
      // A block that had left memory could not be read to take a change: nothing more is written.
      if (!(error instanceof FsError || error instanceof DeviceError || error instanceof JournalError))
        throw error;
      if (error instanceof DamageError) this.report.damage.push(error.message);
      this.report.broken = error.message;
      return;
    }
    this.vectors.release(id, Number.MAX_SAFE_INTEGER);
  }

  private rows(inode: Inode): VectorFile | undefined {
    if (inode.vectorSet !== 0) this.opened.add(inode);
    return this.vectors.get(inode);
  }

  private look(inode: Inode): void {
    const { volume } = this;
    this.report.found += 1;
    this.try(() => {
      xattr.list(volume, inode);
      xattr.each(volume, inode, () => {});
    });
    if (inode.isDirectory) return;
    if (holdsExtents(inode)) {
      const length = Math.min(MOST_READ, inode.size);
      this.try(() => readContent(volume, inode, 0, new Uint8Array(length)));
      this.try(() => readContent(volume, inode, Math.max(0, inode.size - 5000), new Uint8Array(5000)));
      this.try(() => {
        let at = 0;
        for (let i = 0; i < 50 && at >= 0; i++) {
          const data = seek(volume, inode, at, 'data');
          at = data < 0 ? -1 : seek(volume, inode, data, 'hole');
        }
      });
    }
    if (inode.vectorSet === 0 || !inode.isRegular) return;
    this.try(() => {
      const rows = this.rows(inode);
      if (rows !== undefined) searchAll(this.volume, this.vectors, rows);
    });
  }

  /** Lists everything from the root on. */
  explore(): void {
    const { volume } = this;
    const pending = [ROOT_INODE];
    for (
      let here = pending.pop();
      here !== undefined && this.names.length < MOST_NAMES;
      here = pending.pop()
    ) {
      const number = here;
      const found: Uint8Array[] = [];
      this.try(() => {
        const dir = volume.inodes.get(number);
        this.look(dir);
        found.length = 0;
        directory.iterate(volume, dir, { hi: 0, lo: 0 }, (name) => found.push(name.slice()) < MOST_NAMES);
      });
      for (const name of found) {
        if (this.names.length >= MOST_NAMES) break;
        this.names.push({ parent: number, name });
        this.try(() => {
          const inode = lookupName(volume, volume.inodes.get(number), name);
          if (inode === undefined) return;
          this.look(inode);
          if (inode.isDirectory) pending.push(inode.number);
        });
      }
    }
  }

  private child({ parent, name }: Name): Inode | undefined {
    return lookupName(this.volume, this.volume.inodes.get(parent), name);
  }

  /** As a request does it that changes the size of a file: rows appear and go with their slots. */
  private resize(inode: Inode, size: number): void {
    if (inode.vectorSet !== 0) this.opened.add(inode);
    this.vectors.beforeResize(inode, size);
    try {
      truncateContent(this.volume, inode, size);
    } finally {
      this.vectors.afterResize(inode);
    }
  }

  private write(inode: Inode, offset: number, data: Uint8Array): void {
    if (inode.vectorSet !== 0) this.opened.add(inode);
    const grows = inode.vectorSet !== 0 && offset + data.length > inode.size;
    if (grows) this.vectors.beforeResize(inode, offset + data.length);
    writeContent(this.volume, inode, offset, data);
    if (grows) this.vectors.afterResize(inode);
  }

  private bury(gone: Inode | undefined): void {
    if (gone === undefined) return;
    this.vectors.drop(gone);
    this.try(() => {
      if (!deleteInode(this.volume, gone)) throw new NeedCommit();
    });
  }

  /** Changes and removes what is there. */
  disturb(): void {
    for (const name of this.names) {
      const { random } = this;
      this.try(() => this.change(name));
      if (!random.chance(30)) continue;
      this.try(() => {
        const parent = this.volume.inodes.get(name.parent);
        createInode(
          this.volume,
          parent,
          nameOf(random, 40),
          { mode: random.of([0o100644, 0o040755]), uid: 0, gid: 0 },
          NOW,
        );
      });
    }
    this.commit();
    for (const name of [...this.names].reverse()) {
      if (this.random.chance(20)) continue;
      let gone: Inode | undefined;
      this.try(() => {
        const inode = this.child(name);
        if (inode === undefined) return;
        const remove = inode.isDirectory ? removeDirectory : unlinkName;
        gone = remove(this.volume, this.volume.inodes.get(name.parent), name.name, NOW).inode;
      });
      this.bury(gone);
    }
    this.commit();
  }

  private change(name: Name): void {
    const { volume, random } = this;
    const inode = this.child(name);
    if (inode === undefined) return;
    const parent = volume.inodes.get(name.parent);
    const fresh = nameOf(random, 12);
    const way = random.below(10);
    // The kernel links no directories.
    if (way === 0 && !inode.isDirectory) linkName(volume, parent, fresh, inode, NOW);
    else if (way === 1) this.bury(renameName(volume, parent, name.name, parent, fresh, 0, NOW).inode);
    else if (way === 2) {
      const other = random.of(this.names);
      const to = volume.inodes.get(other.parent);
      this.bury(
        renameName(volume, parent, name.name, to, other.name, random.of([0, RENAME_EXCHANGE]), NOW).inode,
      );
    } else if (way === 3) {
      xattr.set(
        volume,
        inode,
        { space: XATTR_USER, name: Buffer.from(`k${random.below(3)}`) },
        random.bytes(random.below(200)),
      );
    }
    if (!inode.isRegular) return;
    const places = [0, inode.size, random.below(5000), Math.max(0, inode.size - 100), inode.size + 70_000];
    const offset = random.of(places);
    if (way < 6) this.write(inode, offset, random.bytes(1 + random.below(3000)));
    else if (way === 6) this.resize(inode, random.of([0, random.below(3000), inode.size + 4096, offset]));
    else if (way === 7) punchHole(volume, inode, offset, 1 + random.below(9000));
    else if (way === 8) preallocate(volume, inode, offset, 1 + random.below(9000));
    else {
      this.write(inode, offset, random.bytes(500));
      const rows = this.rows(inode);
      if (rows !== undefined) {
        searchAll(volume, this.vectors, rows);
        this.vectors.compactIfDue(rows);
      }
    }
  }

  close(): void {
    this.commit();
    if (this.report.broken === undefined) this.writer?.close();
    for (const inode of this.opened) this.vectors.drop(inode);
  }
}

/** Any bytes but the two that no name has. */
function nameOf(random: Seeded, most: number): Uint8Array {
  return random.bytes(1 + random.below(most)).map((byte) => (byte === 0 || byte === 0x2f ? 0x61 : byte));
}
