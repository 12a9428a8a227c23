/** Numbers that look random and are the same for the same seed (mulberry32), so that a failed run can be repeated. */
export class Seeded {
  private state: number;

  constructor(seed: number) {
    this.state = seed >>> 0;
  }

  /** 32 bits. */
  bits(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return (mixed ^ (mixed >>> 14)) >>> 0;
  }

  /** An integer from 0 to `limit` - 1. */
  below(limit: number): number {
    return this.bits() % limit;
  }

  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  /** An element of a list that is not empty. */
  of<T>(list: readonly T[]): T {
    const found = list[this.below(list.length)];
    if (found === undefined) throw new RangeError('nothing to choose from');
    return found;
  }

  /** Bytes of which none is zero, so that what was written differs from a hole. */
  bytes(length: number): Uint8Array {
    const filled = new Uint8Array(length);
    for (let i = 0; i < length; i += 4) {
      const word = this.bits() | 0x01010101;
      filled[i] = word;
      if (i + 1 < length) filled[i + 1] = word >>> 8;
      if (i + 2 < length) filled[i + 2] = word >>> 16;
      if (i + 3 < length) filled[i + 3] = word >>> 24;
    }
    return filled;
  }
}

/** What an environment variable of the run says, a whole number; `usual` when it is not set. */
export function chosen(name: string, usual: number): number {
  const text = process.env[name];
  if (text === undefined || text === '') return usual;
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`${name}=${text} is no whole number`);
  return value;
}
