/**
 * The protocol of /dev/vss: a small Euclidean store in memory with fixed arrays in its arguments.
 * `kernel/include/uapi/vss.h` is generated from this file.
 */
import { type Command, IOC_READ, IOC_WRITE, ioc } from './ioctl.js';
import { type AnyStruct, f32s, struct, u32, u32s, u64 } from './layout.js';

export const VSS_MAGIC = 'v';
/** Components that a vector or query can have. */
export const VSS_MAX_DIMENSION = 128;
/** Results that a query can ask for. */
export const VSS_MAX_K = 32;
/** The id in results past the last vector; their distance is +infinity. */
export const VSS_NO_ID = 0xffff_ffff;

/** Argument of VSS_ADD_VECTOR, 520 bytes. */
export const vssVector = struct('vss_vector', 520, {
  id: u32(0),
  dimension: u32(4),
  data: f32s(8, VSS_MAX_DIMENSION),
});

/** Argument of VSS_QUERY_TOP_K, 776 bytes: the query in, ids and distances out. */
export const vssQuery = struct('vss_query', 776, {
  k: u32(0),
  dimension: u32(4),
  query_vector: f32s(8, VSS_MAX_DIMENSION),
  result_ids: u32s(520, VSS_MAX_K),
  distances: f32s(648, VSS_MAX_K),
});

/** Argument of VSS_GET_STATS, 32 bytes, out. */
export const vssStats = struct('vss_stats', 32, {
  vectors: u64(0),
  capacity: u64(8),
  dimension: u64(16),
  queries: u64(24),
});

function command(direction: number, number: number, argument: AnyStruct): Command {
  return { number, direction, argument, value: ioc(direction, VSS_MAGIC, number, argument.$.size) };
}

/** The commands by the name that follows VSS_. */
export const vssCommands = {
  ADD_VECTOR: command(IOC_WRITE, 1, vssVector),
  QUERY_TOP_K: command(IOC_READ | IOC_WRITE, 2, vssQuery),
  GET_STATS: command(IOC_READ, 3, vssStats),
} as const;

export const VSS_ADD_VECTOR = vssCommands.ADD_VECTOR.value;
export const VSS_QUERY_TOP_K = vssCommands.QUERY_TOP_K.value;
export const VSS_GET_STATS = vssCommands.GET_STATS.value;
