import { closeSync, constants, openSync, readSync } from 'node:fs';

/** No record is longer. Source: Documentation/ABI/testing/dev-kmsg. */
const RECORD_BYTES = 8192;
/** What precedes the text of a record: priority, number, microseconds, flags. */
const HEADER = /^[^;]*;/;
const ESCAPED = /\\x([0-9a-f]{2})/g;

/**
 * What the kernel says from now on, a string for each record. Read in this process: starting dmesg(1) takes a guest longer
 * than a mount.
 */
export class KernelLog {
  private readonly fd: number;
  private readonly said: string[] = [];

  constructor() {
    this.fd = openSync('/dev/kmsg', constants.O_RDONLY | constants.O_NONBLOCK);
    this.readOn();
    this.said.length = 0;
  }

  /** A mark for `since`: what has been said until now. */
  now(): number {
    this.readOn();
    return this.said.length;
  }

  since(mark: number): readonly string[] {
    this.readOn();
    return this.said.slice(mark);
  }

  close(): void {
    closeSync(this.fd);
  }

  private readOn(): void {
    const record = Buffer.alloc(RECORD_BYTES);
    for (;;) {
      try {
        const length = readSync(this.fd, record);
        // Further lines are properties of a device.
        const [line] = record.toString('latin1', 0, length).split('\n');
        const text = line!.replace(HEADER, '');
        this.said.push(
          Buffer.from(
            text.replace(ESCAPED, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16))),
            'latin1',
          ).toString(),
        );
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code === 'EAGAIN') return;
        // Records were overwritten before they were read: on with the oldest that is left.
        if (code !== 'EPIPE') throw error;
      }
    }
  }
}
