/** What dm-log-writes has written of a device. Source: drivers/md/dm-log-writes.c. */
import type { Step } from '../../unit/volume/memory_device.js';

const MAGIC = 0x6a736677736872n;
const FLUSH = 1n;
const FUA = 2n;
const DISCARD = 4n;
const MARK = 8n;
const HEADER_BYTES = 32;

export interface WriteLog {
  readonly steps: readonly Step[];
  /** How many steps there were before each mark, by its number; none of the writes before a mark that no flush covers yet is among them. */
  readonly marks: ReadonlyMap<number, number>;
}

/** Reads a log whose marks are numbers, and those that the target sets itself. Throws an Error when it is none. */
export function readWriteLog(log: Buffer): WriteLog {
  if (log.readBigUInt64LE(0) !== MAGIC) throw new Error('not a log of dm-log-writes');
  const entries = Number(log.readBigUInt64LE(16));
  const sector = log.readUInt32LE(24);
  const steps: Step[] = [];
  const marks = new Map<number, number>();
  let at = sector;
  for (let i = 0; i < entries; i++) {
    const position = Number(log.readBigUInt64LE(at)) * sector;
    const bytes = Number(log.readBigUInt64LE(at + 8)) * sector;
    const flags = log.readBigUInt64LE(at + 16);
    if ((flags & DISCARD) !== 0n) throw new Error('nobody asked for a discard');
    if ((flags & MARK) !== 0n) {
      const length = Number(log.readBigUInt64LE(at + 24));
      const text = log.toString('latin1', at + HEADER_BYTES, at + HEADER_BYTES + length).replace(/\0+$/, '');
      if (/^\d+$/.test(text)) marks.set(Number(text), steps.length);
      at += sector;
      continue;
    }
    if ((flags & FLUSH) !== 0n) steps.push({ kind: 'flush' });
    if (bytes > 0) {
      const data = log.subarray(at + sector, at + sector + bytes);
      if (data.length !== bytes) throw new Error('the log ends in the middle of a write');
      steps.push({ kind: 'write', position, data });
    }
    // Nothing that is not durable stands in the log before it.
    if ((flags & FUA) !== 0n) steps.push({ kind: 'flush' });
    at += sector + bytes;
  }
  return { steps, marks };
}
