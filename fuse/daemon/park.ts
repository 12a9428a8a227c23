/** A request cannot be served now: it is kept and tried again when a job or a commit has ended. Nothing has changed. */
export class Park extends Error {
  constructor() {
    super('the request waits for a job slot');
    this.name = 'Park';
  }
}
