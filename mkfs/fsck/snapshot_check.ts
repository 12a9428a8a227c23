import { extentsOf, type Inode, readContent, type Volume } from '@vexfs/fuse/volume';
import {
  crc32c,
  IndexType,
  SearchType,
  SNAPSHOT_BLOCK_CHUNK,
  SNAPSHOT_MAGIC,
  SNAPSHOT_MOST_NODES,
  SNAPSHOT_NODE_CHUNK,
  SNAPSHOT_PAGE,
  SNAPSHOT_VERSION,
  setHeader,
  snapshotHeader,
} from '@vexfs/shared';

const SEED = 0xffff_ffff;
/** `entry` of a snapshot without a graph. */
const NO_ENTRY = 0xffff_ffff_ffff_ffffn;

const up = (value: number, to: number): number => Math.ceil(value / to) * to;

/** What a snapshot is said to be by the set header that names it. */
export interface NamedSnapshot {
  /** The header's block. */
  readonly view: DataView;
  readonly dimensions: number;
  readonly elementType: number;
}

/** Where the sections of a snapshot lie, in bytes, and how many chunks they have. */
interface Sections {
  readonly nodes: number;
  readonly blocks: number;
  readonly blocksAt: number;
  readonly tailAt: number;
  readonly tailBytes: number;
  readonly bytes: number;
}

/** The header of a snapshot: numbers of its own, checked for their ranges before anything follows from them. */
class Header {
  readonly view: DataView;

  constructor(bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  number(
    field: 'slots' | 'upper_limit' | 'waiting' | 'linked' | 'generation' | 'tail_bytes' | 'bytes',
  ): number {
    return snapshotHeader[field].get(this.view, 0);
  }

  /** Bytes of a chunk of `nodes` nodes, and how many there are in a full one. */
  private chunk(): { full: number; used: (nodes: number) => number } {
    const { view } = this;
    const dimensions = snapshotHeader.dims.get(view, 0);
    if (snapshotHeader.type.get(view, 0) === 1) {
      const record = 8 * (up(dimensions, 256) / 64 + 1);
      return {
        full: Math.floor(SNAPSHOT_NODE_CHUNK / record / 8) * 8,
        used: (nodes) => up(nodes, 8) * record,
      };
    }
    const record = up(8 * snapshotHeader.m.get(view, 0), 64) + up(dimensions, 64);
    if (snapshotHeader.metric.get(view, 0) === SearchType.DOT_PRODUCT)
      return { full: Math.floor(SNAPSHOT_NODE_CHUNK / record), used: (nodes) => nodes * record };
    // The norms of all nodes come first.
    let full = Math.floor(SNAPSHOT_NODE_CHUNK / (record + 4));
    while (up(4 * full, 64) + full * record > SNAPSHOT_NODE_CHUNK) full -= 1;
    return { full, used: (nodes) => up(4 * full, 64) + nodes * record };
  }

  sections(): Sections {
    const { view } = this;
    const slots = this.number('slots');
    const { full, used } = this.chunk();
    const nodes = Math.ceil(slots / full);
    const nodeBytes =
      nodes === 0
        ? 0
        : up((nodes - 1) * SNAPSHOT_NODE_CHUNK + used(slots - (nodes - 1) * full), SNAPSHOT_PAGE);
    const block = snapshotHeader.type.get(view, 0) === 1 ? 64 : up(4 * snapshotHeader.m.get(view, 0), 64);
    const inChunk = 2 ** Math.floor(Math.log2(SNAPSHOT_BLOCK_CHUNK / block));
    const limit = this.number('upper_limit');
    const blocks = Math.ceil(limit / inChunk);
    const blockBytes =
      blocks === 0
        ? 0
        : up((blocks - 1) * SNAPSHOT_BLOCK_CHUNK + (limit - (blocks - 1) * inChunk) * block, SNAPSHOT_PAGE);
    const blocksAt = SNAPSHOT_PAGE + nodeBytes;
    const tailAt = blocksAt + blockBytes;
    const centre = this.number('generation') === 0 ? 0 : up(snapshotHeader.dims.get(view, 0), 16);
    const tailBytes = 4 * (nodes + blocks + this.number('waiting') + centre);
    return { nodes, blocks, blocksAt, tailAt, tailBytes, bytes: tailAt + up(tailBytes, SNAPSHOT_PAGE) };
  }
}

/** Reads the snapshot in `inode`, every byte of it. Returns what is wrong with it, to follow "a snapshot"; undefined when nothing is. */
export function snapshotFault(volume: Volume, inode: Inode, named: NamedSnapshot): string | undefined {
  const bytes = setHeader.graph_bytes.get(named.view, 0);
  if (bytes < SNAPSHOT_PAGE || bytes > inode.size) return `of ${bytes} bytes in ${inode.size}`;
  const fault = placeFault(volume, inode, bytes);
  if (fault !== undefined) return fault;
  const page = new Uint8Array(SNAPSHOT_PAGE);
  readContent(volume, inode, 0, page);
  const header = new Header(page);
  const sum = header.view.getUint32(SNAPSHOT_PAGE - 4, true);
  if (crc32c(SEED, page.subarray(0, SNAPSHOT_PAGE - 4)) !== sum) return 'with a damaged header';
  return headerFault(header, named, bytes) ?? sumFault(volume, inode, header);
}

/** Every byte has to lie in a block that was written. */
function placeFault(volume: Volume, inode: Inode, bytes: number): string | undefined {
  const blocks = Math.ceil(bytes / volume.geometry.blockSize);
  let next = 0;
  for (const run of extentsOf(volume, inode).all()) {
    if (next >= blocks) break;
    if (run.logical !== next || run.unwritten) break;
    next += run.length;
  }
  return next < blocks ? 'with a hole in it' : undefined;
}

function headerFault(header: Header, named: NamedSnapshot, bytes: number): string | undefined {
  const { view } = header;
  const { view: set } = named;
  if (snapshotHeader.magic.getBig(view, 0) !== SNAPSHOT_MAGIC) return 'that is none';
  if (snapshotHeader.version.get(view, 0) !== SNAPSHOT_VERSION) return 'of another version';
  const isFlat = setHeader.index_type.get(set, 0) === IndexType.FLAT;
  const isOfIndex =
    snapshotHeader.type.get(view, 0) === (isFlat ? 1 : 0) &&
    snapshotHeader.metric.get(view, 0) === setHeader.index_metric.get(set, 0) &&
    snapshotHeader.element.get(view, 0) === named.elementType &&
    snapshotHeader.dims.get(view, 0) === named.dimensions &&
    (isFlat ||
      (snapshotHeader.m.get(view, 0) === setHeader.index_m.get(set, 0) &&
        snapshotHeader.ef_construction.get(view, 0) === setHeader.index_ef_construction.get(set, 0)));
  if (!isOfIndex) return 'of another index';
  const position =
    (setHeader.graph_records.getBig(set, 0) << 32n) + BigInt(setHeader.graph_offset.get(set, 0));
  if (snapshotHeader.position.getBig(view, 0) !== position) return 'of another place in the log';
  const slots = header.number('slots');
  const isPossible =
    slots <= SNAPSHOT_MOST_NODES &&
    header.number('upper_limit') <= SNAPSHOT_MOST_NODES &&
    header.number('waiting') <= slots &&
    header.number('linked') <= slots &&
    (!isFlat ||
      (header.number('upper_limit') === 0 &&
        header.number('waiting') === 0 &&
        snapshotHeader.entry.getBig(view, 0) === NO_ENTRY));
  if (!isPossible) return 'with counts that cannot be';
  const sections = header.sections();
  const isWhole =
    sections.bytes === bytes &&
    header.number('bytes') === bytes &&
    header.number('tail_bytes') === sections.tailBytes;
  return isWhole ? undefined : 'of another length than its counts say';
}

/** The tail, then every chunk against the sums that it holds. */
function sumFault(volume: Volume, inode: Inode, header: Header): string | undefined {
  const { nodes, blocks, blocksAt, tailAt, bytes } = header.sections();
  const piece = new Uint8Array(SNAPSHOT_NODE_CHUNK);
  // Of the tail, which may be as long as the volume allows, only the sums are kept.
  const kept = new Uint8Array(4 * (nodes + blocks));
  let tailSum = SEED;
  for (let at = tailAt; at < bytes; at += piece.length) {
    const part = piece.subarray(0, Math.min(piece.length, bytes - at));
    readContent(volume, inode, at, part);
    tailSum = crc32c(tailSum, part);
    const done = at - tailAt;
    if (done < kept.length) kept.set(part.subarray(0, kept.length - done), done);
  }
  if (bytes > tailAt && tailSum !== snapshotHeader.tail_sum.get(header.view, 0)) return 'with a damaged tail';
  const sums = new DataView(kept.buffer);
  let damaged = 0;
  const check = (index: number, at: number, end: number): void => {
    const chunk = piece.subarray(0, end - at);
    readContent(volume, inode, at, chunk);
    if (crc32c(SEED, chunk) !== sums.getUint32(index * 4, true)) damaged += 1;
  };
  for (let i = 0; i < nodes; i++) {
    const at = SNAPSHOT_PAGE + i * SNAPSHOT_NODE_CHUNK;
    check(i, at, Math.min(at + SNAPSHOT_NODE_CHUNK, blocksAt));
  }
  for (let i = 0; i < blocks; i++) {
    const at = blocksAt + i * SNAPSHOT_BLOCK_CHUNK;
    check(nodes + i, at, Math.min(at + SNAPSHOT_BLOCK_CHUNK, tailAt));
  }
  return damaged === 0 ? undefined : `with ${damaged} damaged chunks of ${nodes + blocks}`;
}
