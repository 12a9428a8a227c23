import { type JournalArea, JournalWriter, journalSuperblock, recover } from '@vexfs/fuse/journal';
import { MemoryDevice } from './memory-device.js';

export const MAGIC = 0xc03b3998;
export const UUID = Uint8Array.from({ length: 16 }, (_, at) => at * 17 + 3);

/** A volume in memory that has nothing but a journal and blocks on both sides of it. */
export interface ScratchVolume {
  readonly device: MemoryDevice;
  readonly area: JournalArea;
  /** Blocks of the volume. */
  readonly blocks: number;
}

export function makeVolume(blockSize: number, journalBlocks = 1024, blocksBehind = 700): ScratchVolume {
  const area = { start: 8, blocks: journalBlocks, blockSize };
  const blocks = area.start + journalBlocks + blocksBehind;
  const device = new MemoryDevice(new Uint8Array(blocks * blockSize));
  device.write(area.start * blockSize, journalSuperblock({ blocks: journalBlocks, blockSize, uuid: UUID }));
  return { device, area, blocks };
}

export function openWriter({ device, area, blocks }: ScratchVolume): JournalWriter {
  return new JournalWriter(device, area, blocks, recover(device, area, blocks).nextSequence);
}

/** A block that can be told from every other; every eighth begins with the journal's magic. */
export function contentOf(blockSize: number, stamp: number): Uint8Array {
  const words = new Uint32Array(blockSize / 4).fill(Math.imul(stamp + 1, 2654435761));
  const content = new Uint8Array(words.buffer);
  if (stamp % 8 === 0) new DataView(words.buffer).setUint32(0, MAGIC);
  return content;
}

/** xorshift32: the same numbers on every run. */
export function randomNumbers(seed: number): (below: number) => number {
  let state = seed >>> 0 || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}
