/** Times of files that the kernel keeps move with its timer: every 10 ms at 100 Hz. Waits until they have moved. */
export function waitForTick(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
}
