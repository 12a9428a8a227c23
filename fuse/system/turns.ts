/** Steps between two turns of the event loop. */
const STEPS = 256;

/**
 * Calls `step` until it answers false, and then `after`. Now and then the thread's event loop gets a turn: what Node keeps of a
 * view of memory that is not JavaScript's own (`memoryAt`) is freed there and nowhere else.
 */
export function runInTurns(step: () => boolean, after: () => void = () => {}): void {
  for (let i = 0; i < STEPS; i++) {
    if (!step()) {
      after();
      return;
    }
  }
  setImmediate(runInTurns, step, after);
}
