import { NeedCommit } from '../volume/index.js';

/** The disk is full, and something that has lost its last name may come free: tried once more when the kernel has been heard. */
export class AwaitSpace extends NeedCommit {
  constructor() {
    super();
    this.name = 'AwaitSpace';
  }
}

type Work = () => void;

/**
 * Work that found the disk full though something had lost its last name. What was deleted before a request comes free when the
 * kernel forgets it, and Linux may hand the request out first: of FORGETs and others that wait together 16 and 8 take turns
 * (fs/fuse/dev.c, fuse_dev_do_read). Lives on the FUSE thread.
 */
export class AwaitedSpace {
  private lately: Work[] = [];
  private before: Work[] = [];

  get isAwaited(): boolean {
    return this.lately.length + this.before.length > 0;
  }

  /** Nothing has changed yet. */
  add(work: Work): void {
    this.lately.push(work);
  }

  /** More requests than Linux prefers to a FORGET were read since the last call: what was added before that is due. */
  afterBurst(): Work[] {
    const due = this.before;
    this.before = this.lately;
    this.lately = [];
    return due;
  }

  /** The kernel has nothing more to say. */
  afterAll(): Work[] {
    return [...this.afterBurst(), ...this.afterBurst()];
  }
}
