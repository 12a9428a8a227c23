/** A line on standard error that tells how far an insert is; silent where standard error is no terminal. */

export interface Terminal {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

const BAR = 20;
/** Redrawn at most this often, in milliseconds. */
const INTERVAL = 100;

function clock(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const minutes = Math.floor(whole / 60);
  const rest = `${whole % 60}`.padStart(2, '0');
  return minutes < 60
    ? `${minutes}:${rest}`
    : `${Math.floor(minutes / 60)}:${`${minutes % 60}`.padStart(2, '0')}:${rest}`;
}

/**
 * The text of the line.
 * @param total rows in all; undefined when nobody knows, and then there is neither bar nor ETA
 * @param seconds since the start
 */
export function progressLine(rows: number, total: number | undefined, seconds: number): string {
  const rate = seconds > 0 ? rows / seconds : 0;
  const speed = `${rows.toLocaleString('en-US')} rows  ${Math.round(rate).toLocaleString('en-US')} rows/s`;
  if (total === undefined || total === 0) return `${speed}  ${clock(seconds)}`;
  const part = Math.min(1, rows / total);
  const bar = '#'.repeat(Math.floor(part * BAR)).padEnd(BAR, '.');
  const eta = rate > 0 ? clock((total - rows) / rate) : '-:--';
  return `[${bar}] ${`${Math.floor(part * 100)}`.padStart(3)}%  ${speed}  ETA ${eta}`;
}

export class Progress {
  readonly #terminal: Terminal;
  readonly #total: number | undefined;
  readonly #now: () => number;
  readonly #start: number;
  #drawn = Number.NEGATIVE_INFINITY;

  /** @param now milliseconds of a clock that never goes back */
  constructor(terminal: Terminal, total: number | undefined, now: () => number) {
    this.#terminal = terminal;
    this.#total = total;
    this.#now = now;
    this.#start = now();
  }

  get seconds(): number {
    return (this.#now() - this.#start) / 1000;
  }

  update(rows: number): void {
    if (this.#terminal.isTTY !== true || this.#now() - this.#drawn < INTERVAL) return;
    this.#drawn = this.#now();
    // A line that wraps could not be redrawn in place.
    const line = progressLine(rows, this.#total, this.seconds).slice(0, (this.#terminal.columns ?? 80) - 1);
    this.#terminal.write(`\r${line}\x1b[K`);
  }

  /** Takes the line away again. */
  clear(): void {
    if (this.#terminal.isTTY === true && this.#drawn > Number.NEGATIVE_INFINITY)
      this.#terminal.write('\r\x1b[K');
  }
}
