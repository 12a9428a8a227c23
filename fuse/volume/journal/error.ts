/** A journal that cannot be used, or a call that it cannot serve. `errno` is positive, as in errno.h. */
export class JournalError extends Error {
  readonly errno: number;
  constructor(message: string, errno: number) {
    super(message);
    this.name = 'JournalError';
    this.errno = errno;
  }
}
