/** Arguments of the calls that store one row and that read many by their ids. */
import {
  batchGet,
  ElementType,
  GetFlag,
  MAX_INLINE_BYTES,
  putEmbedding,
  VEXFS_IOC_ADD_EMBEDDING,
  VEXFS_IOC_ADD_EMBEDDING_INLINE,
  VEXFS_IOC_UPDATE_EMBEDDING,
  VEXFS_IOC_UPDATE_EMBEDDING_INLINE,
} from '@vexfs/shared';
import { addressOf } from './ioctl.js';

const PUT = {
  ADD_EMBEDDING: { pointed: VEXFS_IOC_ADD_EMBEDDING, inline: VEXFS_IOC_ADD_EMBEDDING_INLINE },
  UPDATE_EMBEDDING: { pointed: VEXFS_IOC_UPDATE_EMBEDDING, inline: VEXFS_IOC_UPDATE_EMBEDDING_INLINE },
} as const;

/** A call with a vector that goes along inline when it fits; `data` has to stay until the call is done. */
export interface PutCall {
  readonly command: number;
  readonly argument: Uint8Array;
  readonly data: Float32Array;
}

export function encodePut(name: keyof typeof PUT, id: bigint, data: Float32Array): PutCall {
  const bytes = data.byteLength;
  const inline = bytes <= MAX_INLINE_BYTES;
  const head = putEmbedding.$.size;
  const argument = new Uint8Array(inline ? head + bytes : head);
  const view = new DataView(argument.buffer);
  putEmbedding.id.setBig(view, 0, id);
  putEmbedding.data.setBig(view, 0, inline ? 0n : addressOf(data));
  putEmbedding.data_size.set(view, 0, bytes);
  putEmbedding.element_type.set(view, 0, ElementType.FLOAT32);
  putEmbedding.dimensions.set(view, 0, data.length);
  if (inline) new Float32Array(argument.buffer, head, data.length).set(data);
  return { command: inline ? PUT[name].inline(bytes) : PUT[name].pointed, argument, data };
}

/** Id and slot of the row, once the call is done. */
export const storedAs = (argument: Uint8Array): bigint => putEmbedding.id.getBig(viewOf(argument), 0);
export const slotOf = (argument: Uint8Array): number => putEmbedding.slot.get(viewOf(argument), 0);

function viewOf({ buffer, byteOffset }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset);
}

/** Missing rows are zeros in `vectors`, and 0 in `found`. */
export interface BatchGetCall {
  readonly argument: Uint8Array;
  readonly vectors: Float32Array;
  readonly found: Uint8Array;
}

export function encodeBatchGet(ids: BigUint64Array, dimensions: number): BatchGetCall {
  const vectors = new Float32Array(ids.length * dimensions);
  const found = new Uint8Array(ids.length);
  const argument = new Uint8Array(batchGet.$.size);
  const view = new DataView(argument.buffer);
  batchGet.ids.setBig(view, 0, addressOf(ids));
  batchGet.data.setBig(view, 0, addressOf(vectors));
  batchGet.data_size.set(view, 0, vectors.byteLength);
  batchGet.found.setBig(view, 0, addressOf(found));
  batchGet.count.set(view, 0, ids.length);
  batchGet.element_type.set(view, 0, ElementType.FLOAT32);
  batchGet.dimensions.set(view, 0, dimensions);
  batchGet.flags.set(view, 0, GetFlag.MISSING_OK);
  return { argument, vectors, found };
}
