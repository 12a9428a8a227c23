import {
  DamageError,
  extentsOf,
  FsError,
  type Inode,
  isPossibleLayout,
  layoutIn,
  type MetaBlock,
  readIndex,
  slotsIn,
  VectorSet,
} from '@vexfs/fuse/volume';
import {
  INDEX_NONE,
  LOG_MAGIC,
  LOG_RECORD_SIZE,
  logHeader,
  logRecord,
  recordsPerBlock,
  SET_HEADER_SIZE,
  SET_MAGIC,
  setHeader,
} from '@vexfs/shared';
import { NAMED_BY_OWNER, ORPHAN } from './inode_map.js';
import type { Repair } from './repair.js';
import { RowHistory } from './row_history.js';
import { countRows, type LiveRows, RowState, withoutRepeatedIds } from './row_state.js';
import { snapshotFault } from './snapshot_check.js';

const SNAPSHOT_FIELDS = [
  setHeader.graph_inode,
  setHeader.graph_bytes,
  setHeader.graph_records,
  setHeader.graph_offset,
  setHeader.graph_compactions,
  setHeader.graph_scan,
];
const INDEX_FIELDS = [
  setHeader.index_type,
  setHeader.index_metric,
  setHeader.index_m,
  setHeader.index_ef_construction,
  setHeader.index_ef_search,
];

/** Pass 4: the vector sets of all files. Marks the hidden inodes that are named, so that the others can be freed. */
export function checkSets(repair: Repair): void {
  const { check } = repair;
  check.owners.forEach((number, i) => {
    new SetCheck(repair, number).run();
    repair.pause();
    if (i % 256 === 0) check.progress('Checking vector sets', i, check.owners.length);
  });
  if (check.owners.length > 0)
    check.progress('Checking vector sets', check.owners.length, check.owners.length);
}

class SetCheck {
  private readonly repair: Repair;
  private readonly owner: Inode;
  /** What the records say has to be written anew. */
  private rewrite = false;
  private state = new RowState();
  /** Undefined from the first record on that contradicts those before it. */
  private history: RowHistory | undefined = new RowHistory();

  constructor(repair: Repair, number: number) {
    this.repair = repair;
    this.owner = repair.volume.inodes.get(number);
  }

  run(): void {
    const { owner } = this;
    const inode = this.hidden(owner.vectorSet);
    if (inode === undefined) {
      this.drop(`names inode ${owner.vectorSet} as its vector set, which is none of its hidden inodes`);
      return;
    }
    const header = this.header(inode);
    if (typeof header === 'string') {
      this.drop(header);
      return;
    }
    this.repair.check.inodes.mark(inode.number, NAMED_BY_OWNER);
    this.checkHeader(inode, header);
    this.checkIndex(header);
    this.readLog(header);
    this.readRecords(header.view, SET_HEADER_SIZE, setHeader.inline_records.get(header.view, 0));
    this.checkPosition(header);
    this.compare(header);
  }

  private find(code: string, what: string, repair: string, safe = false): void {
    const message = `the vector set of inode ${this.owner.number} ${what}`;
    this.repair.check.find({ code, message, repair, safe, inode: this.owner.number });
  }

  /** The file keeps its bytes; only the ids and the layout of the rows go. */
  private drop(what: string): void {
    const { owner, repair } = this;
    repair.check.find({
      code: 'vector-set',
      message: `inode ${owner.number} ${what}`,
      repair: 'drop the vector set: the file keeps its bytes, but ids and layout of its rows are lost',
      safe: false,
      inode: owner.number,
    });
    owner.vectorSet = 0;
    owner.markDirty();
  }

  /** A hidden inode of the owner that nothing else has named yet. */
  private hidden(number: number): Inode | undefined {
    const { owner, repair } = this;
    if (!(number >= 1 && number <= repair.volume.geometry.inodeCount)) return undefined;
    let inode: Inode;
    try {
      inode = repair.volume.inodes.get(number);
    } catch (error) {
      if (error instanceof FsError) return undefined;
      throw error;
    }
    const isOwn =
      inode.isHidden && inode.parent === owner.number && inode.ownerGeneration === owner.generation;
    return isOwn && !repair.check.inodes.has(number, NAMED_BY_OWNER) ? inode : undefined;
  }

  /** The header's block, or why there is none. */
  private header(inode: Inode): MetaBlock | string {
    const { owner, repair } = this;
    const { store } = repair.volume;
    try {
      const run = extentsOf(repair.volume, inode).find(0, 1);
      if (run.physical === 0 || run.unwritten) return 'has a vector set without a header';
      let block: MetaBlock;
      try {
        block = store.getOwned(run.physical, 'set', owner.number);
      } catch (error) {
        if (!(error instanceof DamageError)) throw error;
        block = this.salvaged(run.physical);
        this.find('vector-set', 'has a header with a wrong checksum', 'keep what it says where that can be');
        this.rewrite = true;
      }
      const { view } = block;
      if (setHeader.magic.get(view, 0) !== SET_MAGIC) return 'has a vector set without a header';
      if (setHeader.owner.get(view, 0) !== owner.number) return 'has the vector set of another inode';
      if (setHeader.owner_generation.get(view, 0) !== owner.generation) {
        return 'has the vector set of an earlier inode';
      }
      if (!isPossibleLayout(layoutIn(view))) return 'has a vector set whose layout cannot be';
      return block;
    } catch (error) {
      if (error instanceof DamageError) return `has a damaged vector set: ${error.message}`;
      throw error;
    }
  }

  /** The block as it lies there, to be sealed with the next transaction. */
  private salvaged(number: number): MetaBlock {
    const { store, device, geometry } = this.repair.volume;
    const bytes = new Uint8Array(geometry.blockSize);
    device.read(number * geometry.blockSize, bytes);
    const block = store.fresh(number, 'set');
    block.bytes.set(bytes);
    return block;
  }

  private checkHeader(inode: Inode, { view }: MetaBlock): void {
    const { geometry } = this.repair.volume;
    if (inode.size !== geometry.blockSize || inode.links !== 1) {
      this.find('vector-set', 'has a header in an inode of another size', 'set size and links', true);
      inode.size = geometry.blockSize;
      inode.links = 1;
      inode.markDirty();
    }
    const slots = setHeader.slots.get(view, 0);
    const wanted = slotsIn(layoutIn(view), this.owner.size);
    if (slots !== wanted) {
      this.find('vector-set', `counts ${slots} slots, its file has ${wanted}`, 'set the count');
      this.rewrite = true;
    }
    const most = recordsPerBlock(geometry.blockSize);
    if (setHeader.inline_records.get(view, 0) > most) {
      this.find('vector-set', 'has too many inline records', 'read those that there can be');
      setHeader.inline_records.set(this.changed(view), 0, most);
      this.rewrite = true;
    }
  }

  /** For repairs: the header's view, its block being part of the running transaction. */
  private changed(view: DataView): DataView {
    const { volume } = this.repair;
    const { physical } = extentsOf(volume, volume.inodes.get(this.owner.vectorSet)).find(0, 1);
    volume.store.change(volume.store.get(physical, 'set'));
    return view;
  }

  /** The index is a hint: what is wrong with it goes, and the next mount makes it anew from the rows. */
  private checkIndex(header: MetaBlock): void {
    const { view } = header;
    const { owner, repair } = this;
    const type = setHeader.index_type.get(view, 0);
    if (type !== INDEX_NONE && readIndex(view) === undefined) {
      this.find('vector-index', 'describes an index that cannot be', 'drop the index', true);
      this.dropIndex(view);
      return;
    }
    const number = setHeader.graph_inode.get(view, 0);
    // An owner that is being deleted may have lost a part of it already.
    if (number === 0) return;
    const inode = this.hidden(number);
    const fault =
      inode === undefined
        ? `names inode ${number} as its index`
        : type === INDEX_NONE
          ? 'has a snapshot and no index'
          : repair.check.inodes.has(owner.number, ORPHAN)
            ? undefined
            : this.snapshotFault(view, inode);
    if (fault === undefined) {
      repair.check.inodes.mark(number, NAMED_BY_OWNER);
      return;
    }
    this.find('vector-index', fault, 'drop the snapshot: the index is made anew', true);
    this.dropSnapshot(view);
  }

  private snapshotFault(view: DataView, inode: Inode): string | undefined {
    const { dimensions, elementType } = layoutIn(view);
    try {
      const fault = snapshotFault(this.repair.volume, inode, { view, dimensions, elementType });
      return fault === undefined ? undefined : `has a snapshot ${fault}`;
    } catch (error) {
      if (error instanceof DamageError) return `has a snapshot that cannot be read: ${error.message}`;
      throw error;
    }
  }

  /** The place in the log up to which the snapshot says that it has taken changes. */
  private checkPosition({ view }: MetaBlock): void {
    if (setHeader.graph_inode.get(view, 0) === 0) return;
    // One of a log that was written anew since is not used any more.
    if (setHeader.graph_compactions.get(view, 0) !== setHeader.log_compactions.get(view, 0)) return;
    const record = setHeader.graph_records.get(view, 0);
    const offset = setHeader.graph_offset.get(view, 0);
    const count = this.state.slotsOf(record);
    if (this.rewrite || (count === undefined ? record === 0 && offset === 0 : offset <= count)) return;
    this.find(
      'vector-index',
      `has a snapshot that is ahead of its log: slot ${offset} of record ${record}`,
      'drop the snapshot: the index is made anew',
      true,
    );
    const number = setHeader.graph_inode.get(view, 0);
    const { inodes } = this.repair.check;
    inodes.setState(number, inodes.state(number) & ~NAMED_BY_OWNER);
    this.dropSnapshot(view);
  }

  private dropIndex(view: DataView): void {
    this.changed(view);
    for (const field of INDEX_FIELDS) field.set(view, 0, 0);
    this.dropSnapshot(view);
  }

  /** Its inode is freed with the other hidden ones that nobody names. */
  private dropSnapshot(view: DataView): void {
    this.changed(view);
    for (const field of SNAPSHOT_FIELDS) field.set(view, 0, 0);
  }

  private readLog({ view }: MetaBlock): void {
    const { repair, owner } = this;
    const { volume } = repair;
    const { blockSize } = volume.geometry;
    const number = setHeader.log_inode.get(view, 0);
    const blocks = setHeader.log_blocks.get(view, 0);
    const most = recordsPerBlock(blockSize);
    if (number === 0) {
      if (blocks === 0) return;
      this.find('row-log', 'has lost its row log', 'keep the rows of its inline records');
      this.rewrite = true;
      return;
    }
    const log = this.hidden(number);
    if (log === undefined) {
      this.find('row-log', `names inode ${number} as its row log`, 'keep the rows of its inline records');
      this.rewrite = true;
      return;
    }
    repair.check.inodes.mark(number, NAMED_BY_OWNER);
    if (log.size !== blocks * blockSize) {
      this.find('row-log', `has a row log of ${log.size} bytes and ${blocks} blocks`, 'read what is there');
      this.rewrite = true;
    }
    const bytes = new Uint8Array(blockSize);
    const logView = new DataView(bytes.buffer);
    let lost = 0;
    let visited = 0;
    try {
      for (const run of extentsOf(volume, log).all()) {
        for (let i = 0; i < run.length && run.logical + i < blocks; i++) {
          volume.device.read((run.physical + i) * blockSize, bytes);
          visited += 1;
          const intact =
            !run.unwritten &&
            logHeader.magic.get(logView, 0) === LOG_MAGIC &&
            logHeader.owner.get(logView, 0) === owner.number &&
            logHeader.index.get(logView, 0) === run.logical + i &&
            logHeader.count.get(logView, 0) === most &&
            logHeader.checksum.get(logView, 0) ===
              volume.store.checksum(run.physical + i, bytes, logHeader.checksum.offset);
          if (intact) this.readRecords(logView, logHeader.$.size, most);
          else lost += 1;
        }
      }
    } catch (error) {
      if (!(error instanceof DamageError)) throw error;
    }
    lost += Math.max(0, blocks - visited);
    if (lost === 0) return;
    this.find('row-log', `has ${lost} damaged blocks in its row log`, 'keep the rows of the others');
    this.rewrite = true;
  }

  private readRecords(view: DataView, start: number, count: number): void {
    let wrong = 0;
    for (let i = 0; i < count; i++) {
      const at = start + i * LOG_RECORD_SIZE;
      const type = logRecord.type.get(view, at);
      const slot = logRecord.slot.get(view, at);
      const rows = logRecord.count.get(view, at);
      const id = logRecord.id.getBig(view, at);
      if (!this.state.add(type, slot, id, rows)) {
        wrong += 1;
      } else if (this.history?.add(type, slot, id, rows) === false) {
        this.history = undefined;
        this.find('row-log', 'has a row log that contradicts itself', 'keep what its last records say');
        this.rewrite = true;
      }
    }
    if (wrong === 0) return;
    this.find('row-log', `has ${wrong} records that cannot be`, 'leave them out');
    this.rewrite = true;
  }

  private compare(header: MetaBlock): void {
    const { view } = header;
    const slots = slotsIn(layoutIn(view), this.owner.size);
    const { rows, past } = this.state.live(slots);
    if (past > 0) {
      this.find('row-log', `has ${past} rows behind its last slot`, 'drop them');
      this.rewrite = true;
    }
    const kept = withoutRepeatedIds(rows);
    if (kept !== rows) {
      const repeated = countRows(rows) - countRows(kept);
      this.find('row-log', `has ${repeated} rows with ids of others`, 'free their slots');
      this.rewrite = true;
    }
    const live = countRows(kept);
    const counted = setHeader.live_rows.get(view, 0);
    const wrongCount = counted !== live;
    if (wrongCount) {
      this.find('row-count', `has ${live} live rows and counts ${counted}`, 'set the count', !this.rewrite);
    }
    const nextId = setHeader.next_id.getBig(view, 0);
    const wrongMark = nextId < this.state.idsEnd;
    if (wrongMark) {
      this.find('row-count', `would give out the id ${nextId} again`, `go on at ${this.state.idsEnd}`, true);
    }
    if (!this.rewrite && !wrongCount && !wrongMark) return;
    this.repair.attempt(this.owner.number, () => {
      if (this.rewrite) this.write(view, slots, kept);
      this.changed(view);
      setHeader.live_rows.set(view, 0, live);
      if (wrongMark) setHeader.next_id.setBig(view, 0, this.state.idsEnd);
    });
  }

  /** Writes the log anew; the old one is no longer named and is freed with the other lost hidden inodes. */
  private write(view: DataView, slots: number, rows: LiveRows): void {
    const { volume, check } = this.repair;
    const old = setHeader.log_inode.get(view, 0);
    const isOwn = old >= 1 && old <= volume.geometry.inodeCount && check.inodes.has(old, NAMED_BY_OWNER);
    const blocks = Math.ceil(rows.slots.length / recordsPerBlock(volume.geometry.blockSize)) + 1;
    // Before anything changes: without space the header stays as it is, with the rows that it leads to.
    volume.requireBlocks(blocks + 4 + Math.ceil(blocks / 16));
    if (isOwn && volume.superblock.freeInodes === 0) this.repair.freeHidden(old);
    else volume.inodes.requireOne();
    if (isOwn) check.inodes.setState(old, check.inodes.state(old) & ~NAMED_BY_OWNER);
    this.changed(view);
    setHeader.slots.set(view, 0, slots);
    setHeader.log_inode.set(view, 0, 0);
    setHeader.log_blocks.set(view, 0, 0);
    setHeader.inline_records.set(view, 0, 0);
    const set = VectorSet.open(volume, this.owner);
    volume.requireBlocks(set.blocksFor(rows.slots.length));
    set.compact((emit) => {
      for (let i = 0; i < rows.slots.length; i++) {
        const id = rows.ids[i]!;
        emit(rows.slots[i]!, Number(id & 0xffffffffn), Number(id >> 32n), rows.lengths[i]!);
      }
    });
  }
}
