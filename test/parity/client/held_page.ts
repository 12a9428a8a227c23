import { readSync } from 'node:fs';
import { allocateMemory, ioctl } from '@vexfs/fuse/system';
import koffi from 'koffi';

/** asm/unistd.h */
const USERFAULTFD = process.arch === 'arm64' ? 282 : 323;
const O_NONBLOCK = 0o4000;
/** linux/userfaultfd.h */
const API = 0xaan;
const UFFDIO_API = 0xc018aa3f;
const UFFDIO_REGISTER = 0xc020aa00;
const UFFDIO_ZEROPAGE = 0xc020aa04;
const MODE_MISSING = 1n;
const MESSAGE_BYTES = 32;
const POLL_MS = 5;

/** A page of memory that comes, with zeros, only when it is told to; made as root. */
export class HeldPage {
  readonly address: number;
  private readonly faults: number;
  private readonly range: readonly bigint[];
  private readonly words = allocateMemory(4096);

  constructor() {
    const memory = allocateMemory(4096);
    this.address = memory.address;
    this.range = [BigInt(memory.address), BigInt(memory.bytes.byteLength)];
    this.faults = koffi.load(null).func('long syscall(long call, long flags)')(
      USERFAULTFD,
      O_NONBLOCK,
    ) as number;
    if (this.faults < 0) throw new Error(`userfaultfd: errno ${koffi.errno()}`);
    this.ask(UFFDIO_API, API, 0n);
    this.ask(UFFDIO_REGISTER, ...this.range, MODE_MISSING);
  }

  private ask(command: number, ...fields: bigint[]): void {
    for (const [at, field] of fields.entries()) this.words.view.setBigUint64(8 * at, field, true);
    const result = ioctl(this.faults, command, this.words.address);
    if (result < 0) throw new Error(`userfaultfd 0x${command.toString(16)}: ${result}`);
  }

  /** Calls `then` when somebody waits for the page. */
  whenWanted(then: () => void): void {
    const waiting = setInterval(() => {
      try {
        readSync(this.faults, Buffer.alloc(MESSAGE_BYTES));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return;
        throw error;
      }
      clearInterval(waiting);
      then();
    }, POLL_MS);
  }

  release(): void {
    this.ask(UFFDIO_ZEROPAGE, ...this.range, 0n);
  }
}
