/** ADD_EMBEDDING, UPDATE_EMBEDDING and BATCH_GET as raw as a C program issues them. */
import {
  batchGet,
  putEmbedding,
  VEXFS_IOC_ADD_EMBEDDING,
  VEXFS_IOC_ADD_EMBEDDING_INLINE,
  VEXFS_IOC_BATCH_GET,
  VEXFS_IOC_UPDATE_EMBEDDING,
  VEXFS_IOC_UPDATE_EMBEDDING_INLINE,
} from '@vexfs/shared';
import { PAGE, withMemory } from './caller_memory.js';
import { call, type Outcome } from './vector_calls.js';

export interface PutRequest {
  readonly id: number | bigint;
  readonly dimensions: number;
  /** The bytes of a Float32Array, Float16 bits in a Uint16Array, an Int8Array or packed bits. */
  readonly vector: ArrayBufferView;
  /** 0, as stored, when left out. */
  readonly elementType?: number;
  /** Address of the vector, or `own` for a place of its own; left out: inline. */
  readonly data?: number | 'own';
  readonly size?: number;
  readonly flags?: number;
  readonly reserved?: number;
  /** Bytes behind the structure that the command announces; default those of the vector. */
  readonly inlineBytes?: number;
  /** Page of the argument from which on it may be read only. */
  readonly sealedFrom?: number;
}

export interface Put {
  readonly outcome: Outcome;
  readonly id: bigint;
  readonly slot: number;
}

type Commands = readonly [pointed: number, inline: (bytes: number) => number];
const ADD: Commands = [VEXFS_IOC_ADD_EMBEDDING, VEXFS_IOC_ADD_EMBEDDING_INLINE];
const UPDATE: Commands = [VEXFS_IOC_UPDATE_EMBEDDING, VEXFS_IOC_UPDATE_EMBEDDING_INLINE];

export const addRow = (fd: number, request: PutRequest): Put => put(fd, ADD, request);
export const updateRow = (fd: number, request: PutRequest): Put => put(fd, UPDATE, request);

function put(fd: number, [pointed, inlined]: Commands, request: PutRequest): Put {
  return withMemory((memory) => {
    const { buffer, byteOffset, byteLength } = request.vector;
    const inline = request.data === undefined;
    const behind = inline ? (request.inlineBytes ?? byteLength) : 0;
    const { view, bytes, address } = memory.room(putEmbedding.$.size + behind);
    const vector = new Uint8Array(buffer, byteOffset, byteLength);
    if (inline) bytes.set(vector.subarray(0, behind), putEmbedding.$.size);
    const data = request.data === 'own' ? memory.place(request.vector) : (request.data ?? 0);
    putEmbedding.id.setBig(view, 0, BigInt(request.id));
    putEmbedding.data.setBig(view, 0, BigInt.asUintN(64, BigInt(data)));
    putEmbedding.data_size.set(view, 0, request.size ?? byteLength);
    putEmbedding.element_type.set(view, 0, request.elementType ?? 0);
    putEmbedding.dimensions.set(view, 0, request.dimensions);
    putEmbedding.flags.set(view, 0, request.flags ?? 0);
    putEmbedding.slot.setBig(view, 0, 0xdead_beefn);
    view.setUint32(putEmbedding.reserved.offset + 20, request.reserved ?? 0, true);
    if (request.sealedFrom !== undefined)
      memory.seal(address + request.sealedFrom * PAGE, bytes.length - request.sealedFrom * PAGE);
    const outcome = call(fd, inline ? inlined(behind) : pointed, address);
    return { outcome, id: putEmbedding.id.getBig(view, 0), slot: putEmbedding.slot.get(view, 0) };
  });
}

export interface GetRowsRequest {
  readonly ids: readonly (number | bigint)[];
  readonly dimensions: number;
  /** Room for the vectors in bytes; 0 asks for none of them. */
  readonly room: number;
  readonly elementType?: number;
  readonly flags?: number;
  readonly reserved?: number;
  readonly count?: number;
  /** Addresses to pass instead of those of own buffers. */
  readonly idsAddress?: number;
  readonly dataAddress?: number;
  readonly foundAddress?: number;
}

export interface GotRows {
  readonly outcome: Outcome;
  readonly size: number;
  readonly elementType: number;
  /** What was delivered, `room` bytes. */
  readonly bytes: Uint8Array;
  readonly found: readonly number[];
}

export function getRows(fd: number, request: GetRowsRequest): GotRows {
  return withMemory((memory) => {
    const { view, address } = memory.room(batchGet.$.size);
    const data = memory.room(request.room);
    // Out only: what a backend leaves alone is found out.
    data.bytes.fill(0xaa);
    const found = memory.room(request.ids.length);
    found.bytes.fill(0xaa);
    const list = BigUint64Array.from(request.ids, (id) => BigInt(id));
    const set = (field: typeof batchGet.ids, at: number): void =>
      field.setBig(view, 0, BigInt.asUintN(64, BigInt(at)));
    set(batchGet.ids, request.idsAddress ?? memory.place(list));
    set(batchGet.data, request.dataAddress ?? data.address);
    set(batchGet.found, request.foundAddress ?? found.address);
    batchGet.data_size.set(view, 0, request.room);
    batchGet.count.set(view, 0, request.count ?? request.ids.length);
    batchGet.element_type.set(view, 0, request.elementType ?? 0);
    batchGet.dimensions.set(view, 0, request.dimensions);
    batchGet.flags.set(view, 0, request.flags ?? 0);
    view.setUint32(batchGet.reserved.offset + 12, request.reserved ?? 0, true);
    const outcome = call(fd, VEXFS_IOC_BATCH_GET, address);
    return {
      outcome,
      size: batchGet.data_size.get(view, 0),
      elementType: batchGet.element_type.get(view, 0),
      bytes: data.bytes.slice(0, request.room),
      found: Array.from(found.bytes.subarray(0, request.ids.length)),
    };
  });
}
