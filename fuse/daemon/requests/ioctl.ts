import {
  type Bytes,
  batchDelete,
  batchGet,
  batchInsertRequest,
  batchSearch,
  CommandNumber,
  CompressionType,
  deleteEmbedding,
  elementBytes,
  getEmbedding,
  INODE_APPEND,
  INODE_IMMUTABLE,
  InsertFlag,
  IOC_READ,
  IOC_WRITE,
  iocDirection,
  iocMagic,
  iocNumber,
  iocSize,
  isElementType,
  MAX_ALIGNMENT_BYTES,
  MAX_BYTES_PER_CALL,
  MAX_DIMENSIONS,
  MAX_EMPTY_DATA_OFFSET,
  MAX_INLINE_BYTES,
  MAX_K,
  MAX_ROWS_PER_CALL,
  manageIndex,
  putEmbedding,
  type SearchType,
  StatsFlag,
  StorageFormat,
  VEXFS_MAGIC,
  vectorFileInfo,
  vectorSearchRequest,
  vexfsStats,
} from '@vexfs/shared';
import { encodeIoctlOut, IOCTL, ioctlIn, mayRead, mayWrite } from '../../protocol/index.js';
import { Connection, type Request } from '../../server/connection.js';
import { errno } from '../../system/index.js';
import { bytesOfRow, FsError, type Inode, type RowLayout, strideOf } from '../../volume/index.js';
import { announce } from '../announcements.js';
import type { Filesystem } from '../filesystem.js';
import type { VectorFile } from '../vector_file.js';
import { deleteBatch, deleteOne } from './delete_rows.js';
import { fileFlags } from './file_flags.js';
import { getRow } from './get_row.js';
import { getRows } from './get_rows.js';
import { insertRows } from './insert.js';
import { manage } from './manage_index.js';
import { addRow, updateRow } from './put_row.js';
import { searchRows } from './search.js';
import { searchBatch } from './search_batch.js';

const AT = Connection.PAYLOAD_AT;

/** An ioctl on a regular file or directory whose command is one of ours. */
export interface Call {
  readonly request: Request;
  readonly inode: Inode;
  /** Flags of open(2). */
  readonly flags: number;
  /** Where the argument begins in the request. */
  readonly at: number;
  /** Bytes of the argument. */
  readonly size: number;
}

type Command = (fs: Filesystem, call: Call) => void;

/** Direction, size of the argument (and how much inline data may follow it), and what runs. */
interface CommandShape {
  readonly direction: number;
  readonly size: number;
  readonly inline: number;
  readonly run: Command;
}

const COMMANDS = new Map<number, CommandShape>([
  [
    CommandNumber.SET_VECTOR_META,
    { direction: IOC_WRITE, size: vectorFileInfo.$.size, inline: 0, run: setMeta },
  ],
  [
    CommandNumber.GET_VECTOR_META,
    { direction: IOC_READ, size: vectorFileInfo.$.size, inline: 0, run: getMeta },
  ],
  [
    CommandNumber.VECTOR_SEARCH,
    { direction: IOC_READ | IOC_WRITE, size: vectorSearchRequest.$.size, inline: 0, run: search },
  ],
  [
    CommandNumber.BATCH_INSERT,
    { direction: IOC_WRITE, size: batchInsertRequest.$.size, inline: 0, run: insert },
  ],
  [
    CommandNumber.ADD_EMBEDDING,
    { direction: IOC_READ | IOC_WRITE, size: putEmbedding.$.size, inline: MAX_INLINE_BYTES, run: addRow },
  ],
  [
    CommandNumber.UPDATE_EMBEDDING,
    { direction: IOC_READ | IOC_WRITE, size: putEmbedding.$.size, inline: MAX_INLINE_BYTES, run: updateRow },
  ],
  [
    CommandNumber.BATCH_GET,
    { direction: IOC_READ | IOC_WRITE, size: batchGet.$.size, inline: 0, run: getRows },
  ],
  [
    CommandNumber.GET_EMBEDDING,
    { direction: IOC_READ | IOC_WRITE, size: getEmbedding.$.size, inline: MAX_INLINE_BYTES, run: get },
  ],
  [
    CommandNumber.DELETE_EMBEDDING,
    { direction: IOC_READ | IOC_WRITE, size: deleteEmbedding.$.size, inline: 0, run: deleteOne },
  ],
  [
    CommandNumber.BATCH_DELETE,
    { direction: IOC_READ | IOC_WRITE, size: batchDelete.$.size, inline: 0, run: deleteBatch },
  ],
  [
    CommandNumber.BATCH_SEARCH,
    { direction: IOC_READ | IOC_WRITE, size: batchSearch.$.size, inline: 0, run: searchBatch },
  ],
  [
    CommandNumber.MANAGE_INDEX,
    { direction: IOC_READ | IOC_WRITE, size: manageIndex.$.size, inline: 0, run: manage },
  ],
  [
    CommandNumber.GET_STATS,
    { direction: IOC_READ | IOC_WRITE, size: vexfsStats.$.size, inline: 0, run: stats },
  ],
]);

/**
 * The ioctls of a volume. Each command checks in the order that docs/api.md gives: command, open mode, read-only volume,
 * permission, vector set, fields, limits, buffers, contents, ids, space.
 */
export function ioctl(fs: Filesystem, request: Request): void {
  if (fileFlags(fs, request)) return;
  const { view, body } = request;
  const command = ioctlIn.cmd.get(view, body);
  const flags = ioctlIn.flags.get(view, body);
  const size = ioctlIn.in_size.get(view, body);
  if ((flags & (IOCTL.COMPAT | IOCTL.BITS_32 | IOCTL.COMPAT_X32)) !== 0) throw new FsError(errno.ENOTTY);
  const shape = iocMagic(command) === VEXFS_MAGIC ? COMMANDS.get(iocNumber(command)) : undefined;
  const argument = iocSize(command);
  if (
    shape === undefined ||
    iocDirection(command) !== shape.direction ||
    argument < shape.size ||
    argument > shape.size + shape.inline
  ) {
    throw new FsError(errno.ENOTTY);
  }
  const at = body + ioctlIn.$.size;
  const writes = (shape.direction & IOC_WRITE) !== 0;
  if (writes && (size < argument || at + argument > request.end)) throw new FsError(errno.EINVAL);
  const handle = fs.known.handle(ioctlIn.fh.get(view, body));
  const inode = fs.volume.inodes.get(handle.node);
  shape.run(fs, { request, inode, flags: handle.flags, at, size: argument });
}

/** Writes fuse_ioctl_out at the payload of a reply and returns where the argument that travels back begins. */
export function ioctlReply(view: DataView): number {
  return encodeIoctlOut(view, AT);
}

export function requireReading(call: Call): void {
  if (!mayRead(call.flags)) throw new FsError(errno.EBADF);
}

export function requireChanging(fs: Filesystem, call: Call): void {
  if (!mayWrite(call.flags)) throw new FsError(errno.EBADF);
  fs.requireWritable();
  if ((call.inode.flags & INODE_IMMUTABLE) !== 0) throw new FsError(errno.EPERM);
}

export function requireSet(fs: Filesystem, call: Call): VectorFile {
  const file = call.inode.isRegular
    ? fs.volume.store.withoutWaiting(() => fs.vectors.get(call.inode))
    : undefined;
  if (file === undefined) throw new FsError(errno.ENODATA);
  return file;
}

/** Whether a reserved field of the argument holds anything. */
export function hasReserved({ request, at }: Call, { offset, size }: Bytes): boolean {
  return request.bytes.subarray(at + offset, at + offset + size).some((byte) => byte !== 0);
}

function setMeta(fs: Filesystem, call: Call): void {
  requireChanging(fs, call);
  const { inode, at } = call;
  const { view } = call.request;
  if ((inode.flags & INODE_APPEND) !== 0) throw new FsError(errno.EPERM);
  if (!inode.isRegular) throw new FsError(errno.EINVAL);
  const layout = layoutAt(view, at, inode.size);
  const file = fs.vectors.get(inode);
  if (file !== undefined) {
    const has = file.set.layout;
    const same = (Object.keys(layout) as Array<keyof RowLayout>).every((key) => layout[key] === has[key]);
    if (same) {
      fs.connection.send(call.request.unique, emptyReply(fs));
      return;
    }
    if (file.set.liveRows > 0) throw new FsError(errno.EEXIST);
  }
  fs.vectors.define(inode, layout);
  fs.markChanged(inode, call.request);
  announce(fs, inode, { unique: call.request.unique, from: -1, end: -1, sync: fs.isSynchronous(call.flags) });
}

/** A fuse_ioctl_out without an argument. */
function emptyReply(fs: Filesystem): number {
  return ioctlReply(fs.connection.output.view) - AT;
}

/** Reads and checks the fields of SET_VECTOR_META. `fileSize` bounds the offset. */
function layoutAt(view: DataView, at: number, fileSize: number): RowLayout {
  const dimensions = vectorFileInfo.dimensions.get(view, at);
  const elementType = vectorFileInfo.element_type.get(view, at);
  const storageFormat = vectorFileInfo.storage_format.get(view, at);
  const compressionType = vectorFileInfo.compression_type.get(view, at);
  const alignment = vectorFileInfo.alignment_bytes.get(view, at);
  const dataOffset = vectorFileInfo.data_offset.get(view, at);
  const bound = fileSize === 0 ? MAX_EMPTY_DATA_OFFSET : fileSize;
  if (
    dimensions < 1 ||
    dimensions > MAX_DIMENSIONS ||
    !isElementType(elementType) ||
    storageFormat > StorageFormat.COMPRESSED ||
    compressionType > CompressionType.ZSTD ||
    alignment > MAX_ALIGNMENT_BYTES ||
    (alignment & (alignment - 1)) !== 0 ||
    dataOffset > bound ||
    dataOffset % elementBytes(elementType) !== 0
  ) {
    throw new FsError(errno.EINVAL);
  }
  if (storageFormat !== StorageFormat.DENSE || compressionType !== CompressionType.NONE) {
    throw new FsError(errno.EOPNOTSUPP);
  }
  return { dimensions, elementType, storageFormat, compressionType, alignment, dataOffset };
}

function getMeta(fs: Filesystem, call: Call): void {
  requireReading(call);
  const { set } = requireSet(fs, call);
  const { layout } = set;
  const { view } = fs.connection.output;
  const at = ioctlReply(view);
  vectorFileInfo.dimensions.set(view, at, layout.dimensions);
  vectorFileInfo.element_type.set(view, at, layout.elementType);
  vectorFileInfo.vector_count.set(view, at, Math.min(set.liveRows, 0xffffffff));
  vectorFileInfo.storage_format.set(view, at, layout.storageFormat);
  vectorFileInfo.data_offset.set(view, at, layout.dataOffset);
  vectorFileInfo.index_offset.set(view, at, 0);
  vectorFileInfo.compression_type.set(view, at, layout.compressionType);
  vectorFileInfo.alignment_bytes.set(view, at, layout.alignment);
  fs.connection.send(call.request.unique, at - AT + vectorFileInfo.$.size);
}

function search(fs: Filesystem, call: Call): void {
  requireReading(call);
  const file = requireSet(fs, call);
  const { at } = call;
  const { view } = call.request;
  const k = vectorSearchRequest.k.get(view, at);
  if (
    vectorSearchRequest.dimensions.get(view, at) !== file.set.layout.dimensions ||
    vectorSearchRequest.search_type.get(view, at) > 2 ||
    k === 0
  ) {
    throw new FsError(errno.EINVAL);
  }
  if (k > MAX_K) throw new FsError(errno.E2BIG);
  const pointers = [
    vectorSearchRequest.query_vector,
    vectorSearchRequest.results,
    vectorSearchRequest.result_ids,
  ];
  if (pointers.some((pointer) => pointer.get(view, at) === 0)) throw new FsError(errno.EFAULT);
  const metric = vectorSearchRequest.search_type.get(view, at) as SearchType;
  searchRows(fs, call, file, { isBatch: false, queries: 1, metric, k, ef: 0, exact: false });
}

const INSERT_FLAGS = InsertFlag.OVERWRITE | InsertFlag.APPEND | InsertFlag.VALIDATE;

function insert(fs: Filesystem, call: Call): void {
  requireChanging(fs, call);
  const { at, inode } = call;
  const { view } = call.request;
  const flags = batchInsertRequest.flags.get(view, at);
  if ((inode.flags & INODE_APPEND) !== 0 && (flags & InsertFlag.OVERWRITE) !== 0)
    throw new FsError(errno.EPERM);
  const file = requireSet(fs, call);
  const { layout } = file.set;
  const rows = batchInsertRequest.vector_count.get(view, at);
  const both = InsertFlag.OVERWRITE | InsertFlag.APPEND;
  if (
    batchInsertRequest.dimensions.get(view, at) !== layout.dimensions ||
    (flags & ~INSERT_FLAGS) !== 0 ||
    (flags & both) === both ||
    rows === 0
  ) {
    throw new FsError(errno.EINVAL);
  }
  if (
    rows > MAX_ROWS_PER_CALL ||
    rows * layout.dimensions * 4 > MAX_BYTES_PER_CALL ||
    rows * strideOf(layout) > MAX_BYTES_PER_CALL
  ) {
    throw new FsError(errno.E2BIG);
  }
  if (batchInsertRequest.vectors.get(view, at) === 0) throw new FsError(errno.EFAULT);
  insertRows(fs, call, file);
}

function get(fs: Filesystem, call: Call): void {
  requireReading(call);
  const file = requireSet(fs, call);
  getRow(fs, call, file);
}

function stats(fs: Filesystem, call: Call): void {
  requireReading(call);
  const file = requireSet(fs, call);
  const { bytes } = call.request;
  for (let i = 0; i < vexfsStats.$.size; i++) if (bytes[call.at + i] !== 0) throw new FsError(errno.EINVAL);
  const { set } = file;
  const { layout } = set;
  const { view } = fs.connection.output;
  const at = ioctlReply(view);
  fs.connection.output.bytes.fill(0, at, at + vexfsStats.$.size);
  const { blockSize } = fs.volume.geometry;
  vexfsStats.rows.set(view, at, set.liveRows);
  vexfsStats.slots.set(view, at, set.slots);
  vexfsStats.free_slots.set(view, at, set.slots - set.liveRows);
  vexfsStats.next_id.setBig(view, at, set.nextId);
  vexfsStats.matrix_bytes.set(view, at, set.slots * strideOf(layout));
  vexfsStats.log_bytes.set(view, at, set.logOverhead * blockSize);
  vexfsStats.log_records.set(view, at, set.logRecords);
  vexfsStats.log_compactions.set(view, at, set.logCompactions);
  vexfsStats.searches.set(view, at, file.searches);
  vexfsStats.rows_scanned.set(view, at, file.rowsScanned);
  vexfsStats.insert_calls.set(view, at, file.insertCalls);
  vexfsStats.rows_inserted.set(view, at, file.rowsInserted);
  vexfsStats.dimensions.set(view, at, layout.dimensions);
  vexfsStats.element_type.set(view, at, layout.elementType);
  vexfsStats.row_bytes.set(view, at, bytesOfRow(layout));
  vexfsStats.stride.set(view, at, strideOf(layout));
  vexfsStats.flags.set(view, at, file.index?.isOnVolume ? StatsFlag.INDEX_ON_VOLUME : 0);
  vexfsStats.indexed_rows.set(view, at, file.index?.facts.rows ?? 0);
  fs.connection.send(call.request.unique, at - AT + vexfsStats.$.size);
}
