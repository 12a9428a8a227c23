/** Any error that ends a command, as an exit code and as text: what happened, and what to do next. */
import { Errno } from '@vexfs/shared';
import { VexfsError } from '../client/index.js';
import { Exit, StoppedError, UsageError } from './exit.js';
import { SourceError } from './read/index.js';

export interface Failure {
  readonly exit: Exit;
  readonly message: string;
  /** As in `ENOTTY`, where there is one. */
  readonly code?: string;
  readonly advice?: string;
  /** Rows that are stored all the same. */
  readonly stored?: number;
}

function stopped(error: StoppedError): Failure {
  const { stored, resumeAt } = error;
  const kept = stored === 0 ? 'Nothing was stored.' : `${stored} rows are stored.`;
  const resume = stored === 0 ? [] : [`Go on with --skip ${resumeAt}.`];
  if (error.cause === undefined) {
    return { exit: Exit.INTERRUPTED, message: `interrupted. ${kept}`, advice: resume.join(' '), stored };
  }
  const cause = describe(error.cause);
  if (stored === 0) return { ...cause, stored };
  const advice = [cause.advice ?? '', ...resume].filter((text) => text !== '').join(' ');
  return { ...cause, exit: Exit.PARTIAL, message: `${cause.message} ${kept}`, advice, stored };
}

/** An error that node:fs threw. Vector files are opened by the client, so it is about a source, queries or ids. */
function fileError(error: NodeJS.ErrnoException): Failure {
  const code = error.code === undefined ? {} : { code: error.code };
  return { exit: Exit.SOURCE, message: error.message, ...code };
}

export function describe(error: unknown): Failure {
  if (error instanceof StoppedError) return stopped(error);
  if (error instanceof VexfsError) {
    const notVectors = error.errno === Errno.ENOTTY || error.errno === Errno.ENODATA;
    const { message, code, advice } = error;
    return { exit: notVectors ? Exit.NOT_VECTORS : Exit.FAILED, message, code, advice };
  }
  if (error instanceof SourceError) return { exit: Exit.SOURCE, message: error.message };
  // YError is what yargs rejects a command line with where it does not go through fail().
  if (error instanceof UsageError || (error as Error)?.name === 'YError') {
    return { exit: Exit.USAGE, message: (error as Error).message };
  }
  // The client throws these for what no call could carry.
  if (error instanceof RangeError) return { exit: Exit.FAILED, message: error.message };
  if (typeof (error as NodeJS.ErrnoException)?.errno === 'number')
    return fileError(error as NodeJS.ErrnoException);
  throw error;
}
