import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { basename } from 'node:path';
import { createInterface } from 'node:readline';
import { throwIfInterrupted } from '../workplace.js';

/** A program that keeps sets and indexes between commands, in a process of its own: load/index_bench.cpp unless another is named. */
export class Harness {
  private readonly process: ChildProcessWithoutNullStreams;
  private readonly lines: AsyncIterator<string>;
  private readonly name: string;

  constructor(path: string, words: readonly string[] = []) {
    this.name = basename(words[0] ?? path);
    this.process = spawn(path, words, { stdio: 'pipe' });
    // What it says there belongs to the error that follows when its output ends.
    this.process.stderr.pipe(process.stderr);
    this.process.on('error', () => {});
    this.process.stdin.on('error', () => {});
    this.lines = createInterface({ input: this.process.stdout })[Symbol.asyncIterator]();
  }

  /** One command; what it means and answers stands at the top of the program. Throws what the program objects to. */
  async ask(...words: readonly (string | number)[]): Promise<number[]> {
    await throwIfInterrupted();
    const line = words.join(' ');
    this.process.stdin.write(`${line}\n`);
    const { value, done } = await this.lines.next();
    if (done === true) throw new Error(`${this.name} ended during '${line}'`);
    if (value.startsWith('error')) throw new Error(`${line}: ${value.slice(6)}`);
    const numbers = value.trim().split(' ').map(Number);
    if (numbers.some(Number.isNaN)) throw new Error(`${line}: '${value}' is no answer`);
    return numbers;
  }

  end(): void {
    this.process.kill('SIGKILL');
  }
}
