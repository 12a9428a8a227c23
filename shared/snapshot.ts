/**
 * The snapshot of an index: what a reader needs to check every sum of it. docs/format.md, section 10; the engine writes it
 * (kernel/engine/snapshot.h).
 */
import { struct, u32, u64 } from './layout.js';

export const SNAPSHOT_MAGIC = 0x0078646e49736656n;
export const SNAPSHOT_VERSION = 3;
/** Bytes of the header, and what every section is a multiple of. Its last word is the sum of those before it. */
export const SNAPSHOT_PAGE = 4096;
/** Bytes from one chunk of nodes to the next, and of blocks. */
export const SNAPSHOT_NODE_CHUNK = 2 << 20;
export const SNAPSHOT_BLOCK_CHUNK = 256 << 10;
/** Nodes and blocks are fewer. */
export const SNAPSHOT_MOST_NODES = 0x7fff_ffff;

export const snapshotHeader = struct('vx_snapshot', 208, {
  magic: u64(0),
  version: u32(8),
  tail_sum: u32(12),
  bytes: u64(16),
  tail_bytes: u64(24),
  metric: u32(32),
  element: u32(36),
  dims: u32(40),
  m: u32(44),
  ef_construction: u32(48),
  train_rows: u32(52),
  seed: u64(56),
  slots: u64(64),
  held: u64(72),
  linked: u64(80),
  unmatched: u64(88),
  position: u64(96),
  entry: u64(104),
  upper_limit: u32(112),
  waiting: u32(116),
  generation: u32(120),
  factor_bits: u32(124),
  generation_rows: u64(128),
  type: u32(136),
});
