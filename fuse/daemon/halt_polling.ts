/** Milliseconds of polling before a sleep, and of a sleep so short that polling would have been better. */
const WINDOW = 0.1;
/**
 * Sleeps without polling after it was in vain, the first time and at most: the thread that was waited for may have needed this
 * processor, and who yields it where many want it gets it back late.
 */
const FIRST_PENALTY = 64;
const LAST_PENALTY = 8192;

/**
 * Whether a thread polls for a moment before it sleeps, as KVM does before a virtual processor halts
 * (Documentation/virt/kvm/halt-polling.rst): waking a processor that has gone idle costs more than many a request. It polls
 * only while that helps, so a daemon without requests uses no processor.
 */
export class HaltPolling {
  private armed = false;
  /** Sleeps until the next attempt, and how many there will be when that is in vain too. */
  private penalty = 0;
  private nextPenalty = FIRST_PENALTY;

  /** Until when (performance.now()) to poll from `now` on; `now` itself when it is not worth it. */
  until(now: number): number {
    return this.armed ? now + WINDOW : now;
  }

  /** Polling has found nothing. */
  inVain(): void {
    this.armed = false;
    this.penalty = this.nextPenalty;
    this.nextPenalty = Math.min(2 * this.nextPenalty, LAST_PENALTY);
  }

  /** Polling has found something. */
  paidOff(): void {
    this.nextPenalty = FIRST_PENALTY;
  }

  /** A sleep of so many milliseconds has ended with a request. */
  slept(milliseconds: number): void {
    if (this.penalty > 0) this.penalty -= 1;
    else this.armed = milliseconds < WINDOW;
  }
}
