import { ENGINE_QUEUE, type Exchange, SLOTS, SPARE } from './exchange.js';

/** Milliseconds after which memory that has not come is not waited for by one of the threads that were asked for; between two looks. */
const LONG = 200;
/** Callers that may have a job at once. */
const MOST = SLOTS - SPARE.caller;

/** Starts workers when there are jobs for them. Lives on the FUSE thread. */
export class ThreadSupply {
  private readonly exchange: Exchange;
  /** By queue: how many may work. */
  private readonly threads: Readonly<Record<number, number>>;
  private readonly start: (queue: number) => void;
  private readonly started = new Map<number, number>();

  constructor(exchange: Exchange, threads: Readonly<Record<number, number>>, start: (queue: number) => void) {
    this.exchange = exchange;
    this.threads = threads;
    this.start = start;
  }

  /** So many jobs of a queue are under way, one of them new. */
  submitted(queue: number, jobs: number): void {
    const running = this.started.get(queue) ?? 0;
    if (jobs > running && running < (this.threads[queue] ?? 0)) this.add(queue, running);
  }

  /**
   * Threads that wait for memory of callers which does not come do not work: others take their place. `jobs` of ENGINE_QUEUE
   * are under way. Milliseconds to the next look, or -1.
   */
  tend(jobs: number): number {
    const running = this.started.get(ENGINE_QUEUE) ?? 0;
    if (jobs <= running || running === 0) return -1;
    const working = this.threads[ENGINE_QUEUE] ?? 0;
    if (running < Math.min(MOST, working + this.exchange.held(LONG))) this.add(ENGINE_QUEUE, running);
    return LONG;
  }

  private add(queue: number, running: number): void {
    this.started.set(queue, running + 1);
    this.start(queue);
  }
}
