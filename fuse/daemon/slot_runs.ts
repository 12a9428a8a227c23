/** Slots that follow each other, and which row of a batch goes to the first. */
export interface SlotRun {
  readonly slot: number;
  readonly row: number;
  count: number;
}

/** Ascending slots as runs of slots that follow each other. */
export function consecutive(slots: readonly number[]): Array<{ slot: number; count: number }> {
  const runs: Array<{ slot: number; count: number }> = [];
  for (const slot of slots) {
    const last = runs[runs.length - 1];
    if (last !== undefined && last.slot + last.count === slot) last.count += 1;
    else runs.push({ slot, count: 1 });
  }
  return runs;
}
