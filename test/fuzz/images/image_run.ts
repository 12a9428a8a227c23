import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { ImageAnswer } from './image_child.js';
import { processorMs } from './processor_time.js';

/** Milliseconds of computing that everything done with one image may take, and of waiting, for what sleeps for ever. */
const MOST_MS = 10_000;
const MOST_WAIT_MS = 180_000;
/** KiB that a process may hold at most: several images and their bases, and what fsck and the daemon need. */
const MOST_RSS = 900 * 1024;
const CHILD = fileURLToPath(new URL('./image_child.js', import.meta.url));

/** What a run over many images came to. */
export interface RunResult {
  readonly images: number;
  readonly failures: string[];
  slowestMs: number;
  slowestSeed: number;
  maxRssKib: number;
  /** Images by what fsck -n said. */
  readonly exitCodes: Map<number, number>;
  /** Images that the daemon refused to open. */
  refused: number;
  /** Operations of the daemon that ended with EUCLEAN. */
  damageMet: number;
}

/** Runs the images of `count` seeds from `first` on in `processes` processes. */
export async function runImages(
  folder: string,
  first: number,
  count: number,
  processes: number,
  onProgress: (done: number) => void = () => {},
): Promise<RunResult> {
  const result: RunResult = {
    images: count,
    failures: [],
    slowestMs: 0,
    slowestSeed: 0,
    maxRssKib: 0,
    exitCodes: new Map(),
    refused: 0,
    damageMet: 0,
  };
  let next = first;
  let done = 0;
  const take = (): number | undefined => {
    if (next >= first + count) return undefined;
    next += 1;
    return next - 1;
  };
  const lane = async (): Promise<void> => {
    let child: Lane | undefined;
    for (let seed = take(); seed !== undefined; seed = take()) {
      child ??= new Lane(folder);
      const answer = await child.run(seed);
      if (typeof answer === 'string') {
        result.failures.push(`${replay(seed)}\n${answer}`);
        child = undefined;
      } else {
        note(result, answer);
      }
      done += 1;
      onProgress(done);
    }
    await child?.end();
  };
  await Promise.all(Array.from({ length: processes }, lane));
  return result;
}

/** The command that repeats what a seed did. */
export function replay(seed: number): string {
  return `VEXFS_FUZZ_SEED=${seed} VEXFS_FUZZ_IMAGES=1 npx ava dist/fuzz/images/images.test.js`;
}

function note(result: RunResult, answer: ImageAnswer): void {
  if (answer.ms > result.slowestMs) {
    result.slowestMs = answer.ms;
    result.slowestSeed = answer.seed;
  }
  result.maxRssKib = Math.max(result.maxRssKib, answer.maxRss);
  result.exitCodes.set(answer.exitCode, (result.exitCodes.get(answer.exitCode) ?? 0) + 1);
  if (answer.refused) result.refused += 1;
  result.damageMet += answer.damageMet;
  const failures = [...answer.failures];
  if (answer.maxRss > MOST_RSS) failures.push(`the process has grown to ${answer.maxRss} KiB`);
  if (failures.length === 0) return;
  result.failures.push(
    `${replay(answer.seed)}\n${answer.damage.join('\n  ')}\n${failures.map((each) => `=> ${each}`).join('\n')}`,
  );
}

/** A process that works on one image at a time. */
class Lane {
  private readonly child: ChildProcess;
  private output = '';

  constructor(folder: string) {
    this.child = fork(CHILD, [folder], {
      execArgv: ['--max-old-space-size=384'],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.on('data', (text: Buffer) => {
        this.output = (this.output + text.toString()).slice(-4000);
      });
    }
  }

  /** The answer, or why there is none; the process is gone then. */
  run(seed: number): Promise<ImageAnswer | string> {
    return new Promise((resolve) => {
      const { child } = this;
      const before = processorMs(child.pid!) ?? 0;
      const deadline = performance.now() + MOST_WAIT_MS;
      const over = (answer: ImageAnswer | string): void => {
        clearInterval(watch);
        child.off('message', answered);
        child.off('exit', exited);
        resolve(answer);
      };
      const answered = (message: unknown): void => over(message as ImageAnswer);
      const exited = (code: number | null, signal: string | null): void =>
        over(`the process ended with ${signal ?? code}: ${this.output}`);
      const watch = setInterval(() => {
        const used = (processorMs(child.pid!) ?? before) - before;
        if (used < MOST_MS && performance.now() < deadline) return;
        clearInterval(watch);
        child.off('exit', exited);
        child.once('exit', () => over(`it hangs, after ${used} ms of computing: ${this.output}`));
        child.kill('SIGKILL');
      }, 500);
      child.on('message', answered);
      child.on('exit', exited);
      child.send(seed);
    });
  }

  end(): Promise<void> {
    return new Promise((resolve) => {
      this.child.once('exit', () => resolve());
      this.child.disconnect();
    });
  }
}
