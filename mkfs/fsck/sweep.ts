/**
 * Intervals that lie over each other, the later ones on top: shows from which interval every stretch of the axis takes
 * what it has, in ascending order. O(n log n) for n intervals, whatever they span.
 *
 * `starts[i]` to `ends[i]` (exclusive) is interval i; a higher index lies on top. `emit` gets the index of the top
 * interval and the stretch; stretches that no interval covers are left out.
 */
export function sweep<K extends number | bigint>(
  starts: ArrayLike<K>,
  ends: ArrayLike<K>,
  emit: (top: number, from: K, to: K) => void,
): void {
  const count = starts.length;
  const byStart = new Uint32Array(count).map((_, i) => i);
  byStart.sort((a, b) => (starts[a]! < starts[b]! ? -1 : starts[a]! > starts[b]! ? 1 : a - b));
  const active = new TopFirst(count);
  let next = 0;
  let at: K | undefined;
  for (;;) {
    if (active.size === 0) {
      if (next === count) return;
      at = starts[byStart[next]!]!;
    }
    const here: K = at!;
    while (next < count && starts[byStart[next]!]! <= here) active.push(byStart[next++]!);
    while (active.size > 0 && ends[active.top]! <= here) active.pop();
    if (active.size === 0) continue;
    const { top } = active;
    let to = ends[top]!;
    // The stretch ends where the top interval does, or where one begins that lies above it.
    while (next < count && starts[byStart[next]!]! < to) {
      const start = starts[byStart[next]!]!;
      if (byStart[next]! > top) {
        to = start;
        break;
      }
      active.push(byStart[next++]!);
    }
    if (to > here) emit(top, here, to);
    at = to;
  }
}

/** A heap of indices, the highest on top. */
class TopFirst {
  size = 0;
  private readonly heap: Uint32Array;

  constructor(capacity: number) {
    this.heap = new Uint32Array(capacity);
  }

  get top(): number {
    return this.heap[0]!;
  }

  push(value: number): void {
    const { heap } = this;
    let at = this.size++;
    while (at > 0) {
      const up = (at - 1) >> 1;
      if (heap[up]! >= value) break;
      heap[at] = heap[up]!;
      at = up;
    }
    heap[at] = value;
  }

  pop(): void {
    const { heap } = this;
    this.size -= 1;
    const value = heap[this.size]!;
    let at = 0;
    for (;;) {
      let below = at * 2 + 1;
      if (below >= this.size) break;
      if (below + 1 < this.size && heap[below + 1]! > heap[below]!) below += 1;
      if (heap[below]! <= value) break;
      heap[at] = heap[below]!;
      at = below;
    }
    if (this.size > 0) heap[at] = value;
  }
}
