/** Entries of a chunk before it is cut in two. */
const MOST = 512;

interface Chunk<K extends number | bigint> {
  readonly starts: K[];
  readonly ends: K[];
  readonly values: bigint[];
}

/** What was found in a range: `from` to `to` (exclusive) and the value of `from`. */
export type Piece<K extends number | bigint> = (from: K, to: K, value: bigint) => void;

/**
 * Intervals that do not overlap, each with values that rise by one from its start on. Neighbours that go on where
 * the one before ends become one. Each call takes the time of a search and of one chunk, however many there are.
 */
export class IntervalMap<K extends number | bigint> {
  private readonly chunks: Array<Chunk<K>> = [];

  /** Whether anything lies in `from` to `to`. */
  overlaps(from: K, to: K): boolean {
    const [chunk, at] = this.find(from);
    const found = this.chunks[chunk];
    return found !== undefined && found.starts[at]! < to;
  }

  /** The value of a key; undefined when no interval has it. */
  valueAt(key: K): bigint | undefined {
    const [chunk, at] = this.find(key);
    const found = this.chunks[chunk];
    if (found === undefined || found.starts[at]! > key) return undefined;
    return found.values[at]! + BigInt(key - found.starts[at]!);
  }

  /** Shows every interval in ascending order. */
  each(piece: Piece<K>): void {
    for (const { starts, ends, values } of this.chunks) {
      for (let i = 0; i < starts.length; i++) piece(starts[i]!, ends[i]!, values[i]!);
    }
  }

  get isEmpty(): boolean {
    return this.chunks.length === 0;
  }

  /** Adds what overlaps nothing. */
  insert(from: K, to: K, value: bigint): void {
    let [index, at] = this.find(from);
    if (index === this.chunks.length) {
      if (index === 0) this.chunks.push({ starts: [], ends: [], values: [] });
      else index -= 1;
      at = this.chunks[index]!.starts.length;
    }
    const chunk = this.chunks[index]!;
    const before = at - 1;
    if (
      before >= 0 &&
      chunk.ends[before] === from &&
      chunk.values[before]! + BigInt(from - chunk.starts[before]!) === value
    ) {
      chunk.ends[before] = to;
      return;
    }
    chunk.starts.splice(at, 0, from);
    chunk.ends.splice(at, 0, to);
    chunk.values.splice(at, 0, value);
    if (chunk.starts.length > MOST) this.split(index);
  }

  /** Takes away what lies in `from` to `to`, piece by piece in ascending order. */
  remove(from: K, to: K, piece: Piece<K>): void {
    let [index, at] = this.find(from);
    while (index < this.chunks.length) {
      const chunk = this.chunks[index]!;
      const start = chunk.starts[at]!;
      if (start >= to) return;
      const end = chunk.ends[at]!;
      const value = chunk.values[at]!;
      const low = start < from ? from : start;
      const high = end > to ? to : end;
      piece(low, high, value + BigInt(low - start));
      const rest = value + BigInt(high - start);
      if (start < low) {
        chunk.ends[at] = low;
        at += 1;
        if (high < end) {
          this.insert(high, end, rest);
          return;
        }
      } else if (high < end) {
        chunk.starts[at] = high;
        chunk.values[at] = rest;
        return;
      } else {
        chunk.starts.splice(at, 1);
        chunk.ends.splice(at, 1);
        chunk.values.splice(at, 1);
        if (chunk.starts.length === 0) {
          this.chunks.splice(index, 1);
          at = 0;
          continue;
        }
      }
      if (at === chunk.starts.length) {
        index += 1;
        at = 0;
      }
    }
  }

  private split(index: number): void {
    const chunk = this.chunks[index]!;
    const half = chunk.starts.length >> 1;
    this.chunks.splice(index + 1, 0, {
      starts: chunk.starts.splice(half),
      ends: chunk.ends.splice(half),
      values: chunk.values.splice(half),
    });
  }

  /** Chunk and place of the first interval that ends behind `key`; the number of chunks when there is none. */
  private find(key: K): [chunk: number, at: number] {
    let low = 0;
    let high = this.chunks.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const { ends } = this.chunks[middle]!;
      if (ends[ends.length - 1]! <= key) low = middle + 1;
      else high = middle;
    }
    const chunk = low;
    if (chunk === this.chunks.length) return [chunk, 0];
    const { ends } = this.chunks[chunk]!;
    low = 0;
    high = ends.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (ends[middle]! <= key) low = middle + 1;
      else high = middle;
    }
    return [chunk, low];
  }
}
