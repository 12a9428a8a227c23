import { cpus, loadavg, release, totalmem } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

/** What figures depend on, in a line. */
export function describeMachine(): string {
  const processors = cpus();
  const model = processors[0]?.model.trim() ?? 'unknown CPU';
  const memory = Math.round(totalmem() / 2 ** 30);
  return `${processors.length} x ${model}, ${memory} GiB, Linux ${release()}, Node ${process.versions.node}`;
}

const QUIET = 0.5;
const STEP_MS = 5000;

/** Waits until the machine has little else to do, at most `seconds`. Returns the load of the last minute. */
export async function waitUntilQuiet(seconds: number): Promise<number> {
  const deadline = performance.now() + seconds * 1000;
  for (;;) {
    const [load] = loadavg();
    if (load! < QUIET || performance.now() > deadline) return load!;
    await sleep(STEP_MS);
  }
}
