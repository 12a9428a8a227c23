/** Fault injection of the kernel, for programs in a guest whose kernel has it. Source: Documentation/fault-injection. */
import { openSync, readSync, writeFileSync, writeSync } from 'node:fs';

const KNOBS: Readonly<Record<string, string>> = {
  'failslab/ignore-gfp-wait': 'N',
  'failslab/verbose': '0',
  'fail_page_alloc/ignore-gfp-wait': 'N',
  // Pages of this process: without one of them it would end.
  'fail_page_alloc/ignore-gfp-highmem': 'Y',
  'fail_page_alloc/min-order': '0',
  'fail_page_alloc/verbose': '0',
};

/** Lets one allocation of memory, or copy to or from this process, fail, of those that system calls of this thread make. */
export class FailingAllocation {
  private readonly fd: number;

  constructor() {
    for (const [knob, value] of Object.entries(KNOBS)) writeFileSync(`/sys/kernel/debug/${knob}`, value);
    this.fd = openSync('/proc/thread-self/fail-nth', 'r+');
  }

  /** The `nth` allocation of `work` fails, counted from 1. Whether it came to that. */
  during(nth: number, work: () => void): boolean {
    const wanted = Buffer.from(String(nth));
    writeSync(this.fd, wanted, 0, wanted.length, 0);
    let left: number;
    try {
      work();
    } finally {
      left = this.disarm();
    }
    return left === 0;
  }

  /** How many more it would have taken. */
  private disarm(): number {
    const text = Buffer.alloc(16);
    const left = mayFail(() =>
      Number(text.toString('latin1', 0, readSync(this.fd, text, 0, text.length, 0))),
    );
    // The failure has come too late, in the question itself.
    if (left === undefined) return 1;
    if (left > 0) mayFail(() => writeSync(this.fd, '0', 0));
    return left;
  }
}

function mayFail<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EFAULT') throw error;
    return undefined;
  }
}
