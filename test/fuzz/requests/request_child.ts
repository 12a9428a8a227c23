/** A process that plays sequences of requests; its parent ends it when it takes too long, and after some of them. */
import { join } from 'node:path';
import { limitData } from '../images/limits.js';
import { runSequence } from './sequence.js';
import type { WildRequest } from './wild_requests.js';

const MOST_DATA = 2 ** 31;

export interface SequenceJob {
  readonly folder: string;
  readonly base: number;
  readonly requests: readonly WildRequest[];
}

/** How the requests were answered, or what went wrong. */
export type SequenceResult =
  | { readonly answers: ReadonlyMap<number, number>; readonly maxRss: number }
  | { readonly failure: string };

limitData(MOST_DATA);
process.on('message', async ({ folder, base, requests }: SequenceJob) => {
  let result: SequenceResult;
  try {
    const answers = await runSequence(join(folder, `requests-${process.pid}.img`), base, requests);
    result = { answers, maxRss: process.resourceUsage().maxRSS };
  } catch (error) {
    result = { failure: describe(error) };
  }
  process.send!(result);
});

function describe(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error
    ? `${message}\n${cause.stack}\n${(cause.cause as Error)?.stack ?? ''}`
    : message;
}
