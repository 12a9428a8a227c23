/** Mounting or unmounting was not possible; the message is one sentence for the person who asked for it. */
export class MountError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'MountError';
  }
}
