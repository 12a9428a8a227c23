/** The ids that a command is given: on the command line, in a file, or on standard input. */
import { MAX_ROWS_PER_CALL } from '@vexfs/shared';
import { UsageError } from './exit.js';
import { ID_RULE, parseId } from './read/id.js';
import { readAllIds, SourceError } from './read/index.js';

/** How a command with several ids is parsed: otherwise yargs keeps the first alone. */
export const severalWords = {
  'duplicate-arguments-array': true,
  'boolean-negation': false,
  'parse-positional-numbers': false,
} as const;

/** The ids among the words of a command. */
export const idWords: { type: 'string'; array: true; default: string[]; describe: string } = {
  type: 'string',
  array: true,
  default: [],
  describe: 'Ids of the rows',
};

/** What --ids says in the help of each command that takes it. */
export const idsOption = {
  type: 'string',
  requiresArg: true,
  describe: 'A .npy or .txt file with the ids, or - for standard input with one a line',
} as const;

/** @throws UsageError when there are none, or both words and a file; SourceError for what cannot be read */
export async function wantedIds(words: readonly string[], from: string | undefined): Promise<BigUint64Array> {
  if (Array.isArray(from)) throw new UsageError('--ids can stand there once');
  if (words.length > 0 === (from !== undefined))
    throw new UsageError('name the ids on the command line, or with --ids where they stand');
  if (from === undefined) {
    return BigUint64Array.from(words, (word) => {
      const id = parseId(word);
      if (id === undefined) throw new UsageError(`'${word}' is no id: ${ID_RULE}`);
      return id;
    });
  }
  const ids = await readAllIds(from, MAX_ROWS_PER_CALL);
  if (ids.length === 0) throw new SourceError(from, 'has no ids');
  return ids;
}
