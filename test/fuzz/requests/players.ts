import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { SequenceJob, SequenceResult } from './request_child.js';

const CHILD = fileURLToPath(new URL('./request_child.js', import.meta.url));
/** Sequences after which a process is replaced: each has left the memory of a whole daemon. */
const MOST_PLAYED = 20;
/** Milliseconds that a sequence may take; each of its requests has far less. */
const MOST_MS = 300_000;

/** Plays sequences one after the other in processes of their own. */
export class Players {
  private child: ChildProcess | undefined;
  private played = 0;
  private output = '';

  /** What the sequence came to; the process is gone when it failed. */
  async play(job: SequenceJob): Promise<SequenceResult> {
    if (this.played === MOST_PLAYED) this.end();
    this.child ??= this.start();
    this.played += 1;
    const { child } = this;
    this.output = '';
    const result = await new Promise<SequenceResult>((resolve) => {
      const over = (found: SequenceResult): void => {
        clearTimeout(timer);
        child.off('message', answered);
        child.off('exit', exited);
        resolve(found);
      };
      const answered = (message: unknown): void => over(message as SequenceResult);
      const exited = (code: number | null, signal: string | null): void =>
        over({ failure: `the process ended with ${signal ?? code}` });
      const timer = setTimeout(() => over({ failure: `no end after ${MOST_MS} ms` }), MOST_MS);
      child.on('message', answered);
      child.on('exit', exited);
      child.send(job);
    });
    if (!('failure' in result)) return result;
    this.end();
    return { failure: `${result.failure}\n${this.output}` };
  }

  end(): void {
    this.child?.kill('SIGKILL');
    this.child = undefined;
    this.played = 0;
  }

  private start(): ChildProcess {
    const child = fork(CHILD, [], {
      execArgv: ['--max-old-space-size=512'],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      serialization: 'advanced',
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (text: Buffer) => {
        this.output = (this.output + text.toString()).slice(-3000);
      });
    }
    return child;
  }
}
