import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { throwIfInterrupted } from '../workplace.js';

/** load/index_bench.cpp in a process of its own, which keeps sets and indexes between commands. */
export class Harness {
  private readonly process: ChildProcessWithoutNullStreams;
  private readonly lines: AsyncIterator<string>;

  constructor(path: string) {
    this.process = spawn(path, [], { stdio: 'pipe' });
    // What it says there belongs to the error that follows when its output ends.
    this.process.stderr.pipe(process.stderr);
    this.process.on('error', () => {});
    this.process.stdin.on('error', () => {});
    this.lines = createInterface({ input: this.process.stdout })[Symbol.asyncIterator]();
  }

  /** One command; what it means and answers stands at the top of load/index_bench.cpp. Throws what the program objects to. */
  async ask(...words: readonly (string | number)[]): Promise<number[]> {
    await throwIfInterrupted();
    const line = words.join(' ');
    this.process.stdin.write(`${line}\n`);
    const { value, done } = await this.lines.next();
    if (done === true) throw new Error(`index_bench ended during '${line}'`);
    if (value.startsWith('error')) throw new Error(`${line}: ${value.slice(6)}`);
    const numbers = value.trim().split(' ').map(Number);
    if (numbers.some(Number.isNaN)) throw new Error(`${line}: '${value}' is no answer`);
    return numbers;
  }

  end(): void {
    this.process.kill('SIGKILL');
  }
}
