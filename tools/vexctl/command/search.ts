import { MAX_K } from '@vexfs/shared';
import type { Argv } from 'yargs';
import { type Hit, type Metric, openVectors } from '../../client/index.js';
import { Exit } from '../exit.js';
import { interruptible } from '../interrupt.js';
import { print, shortest, table, toJson } from '../output.js';
import { queries } from '../query.js';
import { SourceError } from '../read/index.js';
import { optionalWholeNumber, wholeNumber } from '../whole_number.js';

const metrics: readonly Metric[] = ['euclidean', 'cosine', 'dot'];

function show(hits: readonly Hit[]): string {
  if (hits.length === 0) return 'no rows match';
  return table(
    ['rank', 'id', 'distance'],
    hits.map(({ id, distance }, index) => [`${index + 1}`, `${id}`, `${shortest(distance)}`]),
  );
}

export function searchCommand(program: Argv<{ json: boolean }>): Argv<{ json: boolean }> {
  return program.command(
    'search <file> <query>',
    'Find the rows nearest to a query',
    (command) =>
      command
        .usage(
          '$0 search FILE QUERY [options]\n\nQUERY is an array as in "[0.1, 0.2]", row:ID for a row of FILE, or a file (.npy .fvecs .bvecs .csv .jsonl) with one query a row. Smaller distances are nearer, for each metric. With --json there is one object a line for each query; ids keep all their digits.',
        )
        .positional('file', { type: 'string', demandOption: true, describe: 'A vector file' })
        .positional('query', {
          type: 'string',
          demandOption: true,
          describe: 'An array, row:ID or a file of queries',
        })
        .option('top-k', {
          alias: 'k',
          type: 'number',
          requiresArg: true,
          default: 10,
          coerce: wholeNumber('top-k', 1, MAX_K),
          describe: `Results for each query, 1 to ${MAX_K}`,
        })
        .option('metric', {
          alias: 'm',
          choices: metrics,
          requiresArg: true,
          default: 'euclidean' as Metric,
          describe: 'euclidean: root taken; cosine: 1 - cosine; dot: minus the dot product',
        })
        .option('ef', {
          type: 'number',
          requiresArg: true,
          coerce: optionalWholeNumber('ef', 1, 10_000),
          describe: 'Candidates that an index looks at (default: as the index says)',
        })
        .option('exact', {
          type: 'boolean',
          default: false,
          describe: 'Compare every row, whatever index there is',
        })
        .option('limit-queries', {
          type: 'number',
          requiresArg: true,
          coerce: optionalWholeNumber('limit-queries', 1, Number.MAX_SAFE_INTEGER),
          describe: 'Take only so many queries from the file',
        })
        .option('vector-key', {
          type: 'string',
          requiresArg: true,
          describe: 'Key that holds the query in .jsonl (default: vector)',
        })
        .example('$0 search /mnt/docs.vec row:42 -k 5', 'the five nearest to row 42, itself included')
        .example('$0 search /mnt/docs.vec queries.npy --json', 'one line of JSON for each query'),
    async ({ json, topK, metric, ef, exact, limitQueries, vectorKey, ...options }) => {
      const limit = limitQueries ?? Number.POSITIVE_INFINITY;
      await interruptible(async (signal) => {
        const file = await openVectors(options.file);
        try {
          const { dimensions } = await file.info();
          const { several, rows } = queries(file, options.query, limit, vectorKey);
          let number = 0;
          for await (const row of rows) {
            if (signal.aborted) {
              process.exitCode = Exit.INTERRUPTED;
              return;
            }
            if (row.length !== dimensions) {
              throw new SourceError(
                options.query,
                `has ${row.length} dimensions, ${options.file} has ${dimensions}`,
              );
            }
            const results = await file.search(row, {
              k: topK,
              metric,
              exact,
              ...(ef === undefined ? {} : { ef }),
            });
            if (json) {
              const hits = results.map(({ id, distance }) => ({ id, distance: shortest(distance) }));
              print(toJson({ query: number, results: hits }));
            } else {
              if (several) print(`${number === 0 ? '' : '\n'}query ${number}`);
              print(show(results));
            }
            number++;
          }
        } finally {
          await file.close();
        }
      });
    },
  );
}
