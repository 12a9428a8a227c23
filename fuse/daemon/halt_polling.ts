import { processors, runnableThreads, yieldProcessor } from '../system/index.js';

/** Milliseconds of polling before a sleep. */
const WINDOW = 0.5;
/** Milliseconds of polling between two times that others may have the processor: each is a system call, and slows what this thread does next. */
const YIELD_EVERY = 0.004;
/** A wait so short that polling is better than a sleep. */
const SHORT = 0.2;
/** What a wait costs more when it is slept through: to wake a processor that has gone idle, and to get it back. */
const SAVED = 0.05;
/** How much is remembered of what polling has saved. */
const MOST_CREDIT = 5;
/** Polls between two looks at how many threads want a processor, and credit after one that finds too many: so many short waits. */
const LOOK_EVERY = 16;
const CROWDED_CREDIT = -SAVED * LOOK_EVERY;
/** Of the daemon and its caller two threads poll while the third works. */
const OWN_THREADS = 3;

/**
 * Whether a thread polls for a moment before it sleeps, as KVM does before a virtual processor halts
 * (Documentation/virt/kvm/halt-polling.rst): waking a processor that has gone idle costs more than many a request. Polling in vain
 * takes no more time than polling has saved, so a daemon without requests uses no processor. Where more threads want processors than there are,
 * nothing is saved, because none is idle: then nobody polls, and the others get what it would take.
 */
export class HaltPolling {
  /** Milliseconds that polling has saved, or would have, less those that were in vain. */
  private credit = 0;
  private polls = 0;

  /** Looks for something for a moment, if that is worth it; whether it has been found. */
  poll(look: () => boolean): boolean {
    if (this.credit <= 0 || this.isCrowded()) return false;
    const start = performance.now();
    let yielded = start;
    for (let now = start; now < start + WINDOW; now = performance.now()) {
      if (look()) {
        if (now - start < SHORT) this.earn();
        return true;
      }
      if (now < yielded + YIELD_EVERY) continue;
      // Who is waited for may need this processor.
      yieldProcessor();
      yielded = now;
    }
    this.credit -= performance.now() - start;
    return false;
  }

  /** A sleep of so many milliseconds has ended with a request. */
  slept(milliseconds: number): void {
    if (milliseconds < SHORT) this.earn();
  }

  private earn(): void {
    this.credit = Math.min(this.credit + SAVED, MOST_CREDIT);
  }

  private isCrowded(): boolean {
    if (this.polls % LOOK_EVERY === 0 && (runnableThreads() ?? 0) > Math.max(processors, OWN_THREADS)) {
      this.credit = CROWDED_CREDIT;
      return true;
    }
    this.polls += 1;
    return false;
  }
}
