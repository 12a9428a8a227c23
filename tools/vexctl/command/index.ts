import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { MAX_RECALL_SAMPLE } from '@vexfs/shared';
import type { Argv } from 'yargs';
import { type IndexInfo, type Metric, openVectors, type VectorFile } from '../../client/index.js';
import { Exit } from '../exit.js';
import { interruptible } from '../interrupt.js';
import { bytes, count, facts, print, toJson } from '../output.js';
import { Progress } from '../progress.js';
import { optionalWholeNumber } from '../whole_number.js';

const metrics: readonly Metric[] = ['euclidean', 'cosine', 'dot'];
const MOST_EF = 10_000;
/** Milliseconds between two looks at how far the index is. */
const LOOK = 100;

interface Given {
  readonly file: string;
  readonly json: boolean;
}

/** What a file was asked to do, and what its index is then. */
async function run(given: Given, work: (file: VectorFile) => Promise<IndexInfo>): Promise<void> {
  const file = await openVectors(given.file);
  try {
    show(given, await work(file));
  } finally {
    await file.close();
  }
}

function show({ file, json }: Given, info: IndexInfo): void {
  if (json) {
    print(
      toJson({
        file,
        ...info,
        type: info.type ?? null,
        metric: info.metric ?? null,
        recall: info.recall ?? null,
      }),
    );
    return;
  }
  if (info.type === undefined || info.metric === undefined) {
    print(`${file} has no index`);
    return;
  }
  const parameters = info.type === 'graph' ? `, M ${info.m}, ef_construction ${info.efConstruction}` : '';
  print(
    facts([
      ['file', file],
      ['index', `${info.type} for ${info.metric}${parameters}`],
      ['ef_search', `${info.efSearch}`],
      ['state', stateOf(info)],
      ['indexed rows', `${count(info.indexedRows)} of ${count(info.rows)}, ${count(info.lag)} changes wait`],
      ['levels', `${info.levels}, codes of generation ${info.generation}`],
      ['memory', bytes(info.memoryBytes)],
      ['snapshot', info.snapshotBytes === 0 ? 'none' : bytes(info.snapshotBytes)],
      ['searches', count(info.searches)],
      ...(info.recall === undefined
        ? []
        : [['recall', `${info.recall.toFixed(4)} of the ten nearest`] as const]),
    ]),
  );
}

function stateOf({ state, error }: IndexInfo): string {
  if (state === 'on volume') return 'on volume: records are read from the page cache';
  return error === 0 ? state : `${state}, errno ${error}`;
}

/** Waits until the index has taken every change, with a line that tells how far it is. */
async function waitBehind(file: VectorFile, signal: AbortSignal): Promise<IndexInfo> {
  let info = await file.indexInfo();
  const begun = info.lag;
  const progress = new Progress(process.stderr, begun, () => performance.now());
  while (info.state === 'behind' && !signal.aborted) {
    progress.update(Math.max(0, begun - info.lag));
    await sleep(LOOK);
    info = await file.indexInfo();
  }
  progress.clear();
  if (signal.aborted) {
    process.exitCode = Exit.INTERRUPTED;
    return info;
  }
  return await file.waitForIndex();
}

const file = { type: 'string', demandOption: true, describe: 'A vector file' } as const;

export function indexCommand(program: Argv<{ json: boolean }>): Argv<{ json: boolean }> {
  return program.command('index', 'Make, watch and tune the index of a vector file', (command) =>
    command
      .usage('$0 index OPERATION FILE [options]')
      .command(
        'create <file>',
        'Give the file an index, and wait until it is built',
        (operation) =>
          operation
            .positional('file', file)
            .option('type', {
              choices: ['graph', 'flat'] as const,
              requiresArg: true,
              default: 'graph' as const,
              describe: 'graph: HNSW; flat: one bit a component, cosine only',
            })
            .option('metric', {
              alias: 'm',
              choices: metrics,
              requiresArg: true,
              default: 'euclidean' as Metric,
              describe: 'Searches of another metric compare every row',
            })
            .option('M', {
              type: 'number',
              requiresArg: true,
              coerce: optionalWholeNumber('M', 4, 64),
              describe: 'Links of a node (default: 16)',
            })
            .option('ef-construction', {
              type: 'number',
              requiresArg: true,
              coerce: optionalWholeNumber('ef-construction', 1, MOST_EF),
              describe: 'Candidates of an insert (default: 200)',
            })
            .option('ef', {
              type: 'number',
              requiresArg: true,
              coerce: optionalWholeNumber('ef', 1, MOST_EF),
              describe: 'Candidates of a search (default: 64)',
            })
            .option('no-wait', { type: 'boolean', default: false, describe: 'Return while it is built' })
            .example('$0 index create /mnt/docs.vec -m cosine', 'a graph for cosine'),
        async (given) => {
          await interruptible(async (signal) => {
            await run(given, async (vectors) => {
              const made = await vectors.createIndex({
                type: given.type,
                metric: given.metric,
                ...(given.M === undefined ? {} : { m: given.M }),
                ...(given.efConstruction === undefined ? {} : { efConstruction: given.efConstruction }),
                ...(given.ef === undefined ? {} : { efSearch: given.ef }),
              });
              return given.noWait ? made : await waitBehind(vectors, signal);
            });
          });
        },
      )
      .command(
        'tune <file>',
        'Change how many candidates searches look at, or when one makes an index',
        (operation) =>
          operation
            .positional('file', file)
            .option('ef', {
              type: 'number',
              requiresArg: true,
              coerce: optionalWholeNumber('ef', 1, MOST_EF),
              describe: 'Candidates of a search',
            })
            .option('automatic', {
              type: 'number',
              requiresArg: true,
              coerce: optionalWholeNumber('automatic', 1, 0xffff_ffff),
              describe: 'Rows from which on a search makes an index; 4294967295: never',
            }),
        async (given) => {
          await run(given, (vectors) =>
            vectors.tuneIndex({
              ...(given.ef === undefined ? {} : { efSearch: given.ef }),
              ...(given.automatic === undefined ? {} : { automaticRows: given.automatic }),
            }),
          );
        },
      )
      .command(
        'wait <file>',
        'Wait until every change is in the index',
        (operation) => operation.positional('file', file),
        async (given) => {
          await interruptible((signal) => run(given, (vectors) => waitBehind(vectors, signal)));
        },
      )
      .command(
        'verify <file>',
        'Check the snapshot that the index was opened from',
        (operation) => operation.positional('file', file),
        (given) => run(given, (vectors) => vectors.verifyIndex()),
      )
      .command(
        'rebuild <file>',
        'Build the index anew from the rows',
        (operation) => operation.positional('file', file),
        async (given) => {
          await interruptible((signal) =>
            run(given, async (vectors) => {
              await vectors.rebuildIndex();
              return await waitBehind(vectors, signal);
            }),
          );
        },
      )
      .command(
        'drop <file>',
        'Take the index away',
        (operation) => operation.positional('file', file),
        (given) => run(given, (vectors) => vectors.dropIndex()),
      )
      .command(
        'info <file>',
        'Show what the index is and how far',
        (operation) =>
          operation.positional('file', file).option('sample', {
            type: 'number',
            requiresArg: true,
            coerce: optionalWholeNumber('sample', 1, MAX_RECALL_SAMPLE),
            describe: 'Measure the recall by so many rows, each compared with every row',
          }),
        ({ sample, ...given }) =>
          run(given, (vectors) => vectors.indexInfo(sample === undefined ? {} : { sample })),
      )
      .example('$0 index info /mnt/docs.vec --sample 100', 'and how many of the nearest rows it finds')
      .example('$0 index create /mnt/docs.vec -m cosine', 'a graph for cosine')
      .demandCommand(1, 'Name an operation: create, tune, wait, verify, rebuild, drop or info.'),
  );
}
