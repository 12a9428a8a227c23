import { rm } from 'node:fs/promises';
import { extname } from 'node:path';
import { performance } from 'node:perf_hooks';
import { MAX_BYTES_PER_CALL, MAX_ROWS_PER_CALL } from '@vexfs/shared';
import type { Argv } from 'yargs';
import { type ElementName, openVectors, type VectorFile } from '../../client/index.js';
import { defaultBatchRows } from '../../client/rows.js';
import { readAhead } from '../batches.js';
import { StoppedError, UsageError } from '../exit.js';
import { interruptible } from '../interrupt.js';
import { layoutOptions } from '../layout_options.js';
import { count, print, toJson } from '../output.js';
import { Progress } from '../progress.js';
import {
  carriesIds,
  type IdSource,
  openIds,
  openSource,
  type RowSource,
  SourceError,
} from '../read/index.js';
import { optionalWholeNumber, wholeNumber } from '../whole_number.js';

interface InsertArguments {
  readonly file: string;
  readonly source: string;
  readonly json: boolean;
  readonly ids: string | undefined;
  readonly vectorKey: string | undefined;
  readonly overwrite: boolean | undefined;
  readonly validate: boolean | undefined;
  readonly batch: number | undefined;
  readonly skip: number;
  readonly create: boolean;
  readonly type: ElementName;
  readonly align: number;
  readonly dataOffset: number;
}

/** --ids names a file when it ends as one does; anything else is a column or key of the source. */
function isIdFile(ids: string): boolean {
  return ['.npy', '.txt'].includes(extname(ids).toLowerCase());
}

async function openInput(options: InsertArguments): Promise<[RowSource, IdSource | undefined]> {
  const { ids, source: path } = options;
  const inside = ids !== undefined && !isIdFile(ids);
  if (inside && !carriesIds(path)) {
    throw new UsageError(
      `--ids ${ids}: ${path} has no columns or keys; name a file that ends in .npy or .txt`,
    );
  }
  const source = await openSource(path, {
    ...(inside ? { ids } : {}),
    ...(options.vectorKey === undefined ? {} : { vectorKey: options.vectorKey }),
  });
  if (ids === undefined || inside) return [source, undefined];
  try {
    const idSource = await openIds(ids);
    if (idSource.count === undefined || source.rowCount === undefined || idSource.count === source.rowCount) {
      return [source, idSource];
    }
    await idSource.close();
    throw new SourceError(ids, `has ${idSource.count} ids, ${path} has ${source.rowCount} rows`);
  } catch (error) {
    await source.close();
    throw error;
  }
}

function openTarget(options: InsertArguments, source: RowSource): Promise<VectorFile> {
  if (!options.create) return openVectors(options.file, { write: true });
  const { type: elementType, align: alignment, dataOffset } = options;
  return openVectors(options.file, {
    create: { dimensions: source.dimensions, elementType, alignment, dataOffset },
  });
}

/** @returns rows that were stored, or checked with --validate @throws StoppedError with the rows that are stored */
async function store(
  file: VectorFile,
  source: RowSource,
  ids: IdSource | undefined,
  options: InsertArguments,
  batchRows: number,
  progress: Progress,
  signal: AbortSignal,
): Promise<number> {
  const { overwrite = false, validate = false } = options;
  let done = 0;
  const stopped = (cause?: unknown) => new StoppedError(validate ? 0 : done, options.skip + done, cause);
  try {
    for await (const batch of readAhead(source, ids, options.skip, batchRows)) {
      if (signal.aborted) throw stopped();
      const own = batch.ids === undefined ? {} : { ids: batch.ids };
      done += await file.insert(batch.rows, { ...own, overwrite, validate });
      progress.update(done);
    }
    if (!validate) await file.sync();
  } catch (error) {
    throw error instanceof StoppedError ? error : stopped(error);
  }
  return done;
}

async function insert(options: InsertArguments): Promise<void> {
  const [source, ids] = await openInput(options);
  try {
    const { dimensions } = source;
    const batchRows = options.batch ?? defaultBatchRows(dimensions);
    const batchBytes = batchRows * dimensions * 4;
    if (batchBytes > MAX_BYTES_PER_CALL) {
      throw new UsageError(
        `--batch ${batchRows} makes ${batchBytes} bytes a call, at most ${MAX_BYTES_PER_CALL} are allowed`,
      );
    }
    const file = await openTarget(options, source);
    try {
      const info = await file.info();
      if (info.dimensions !== dimensions) {
        throw new SourceError(
          source.path,
          `has ${dimensions} dimensions, ${options.file} has ${info.dimensions}`,
        );
      }
      const total = source.rowCount === undefined ? undefined : Math.max(0, source.rowCount - options.skip);
      const progress = new Progress(process.stderr, total, () => performance.now());
      const rows = await interruptible((signal) =>
        store(file, source, ids, options, batchRows, progress, signal).finally(() => progress.clear()),
      );
      report(options, rows, progress.seconds);
    } catch (error) {
      // A command that fails has changed nothing.
      if (file.isNew && !(error instanceof StoppedError && error.stored > 0))
        await rm(options.file, { force: true });
      throw error;
    } finally {
      await file.close();
    }
  } finally {
    await ids?.close();
    await source.close();
  }
}

function report(options: InsertArguments, rows: number, seconds: number): void {
  const done = options.validate === true ? 'checked' : 'stored';
  const rate = seconds > 0 ? Math.round(rows / seconds) : 0;
  const rounded = Number(seconds.toFixed(3));
  if (options.json)
    print(toJson({ file: options.file, [done]: rows, seconds: rounded, rowsPerSecond: rate }));
  else print(`${done} ${count(rows)} rows in ${rounded} s (${count(rate)} rows/s)`);
}

export function insertCommand(program: Argv<{ json: boolean }>): Argv<{ json: boolean }> {
  return program.command(
    'insert <file> <source>',
    'Store the rows of a file of vectors',
    (command) =>
      command
        .usage(
          '$0 insert FILE SOURCE [options]\n\nSOURCE is a .npy (f2 f4 f8 i1 u1), .fvecs, .bvecs, .csv or .jsonl file; it is read as a stream. Each batch is stored whole or not at all; rows are durable when the command is done. Without --ids rows get the next free ids.',
        )
        .positional('file', { type: 'string', demandOption: true, describe: 'A vector file' })
        .positional('source', { type: 'string', demandOption: true, describe: 'Where the rows come from' })
        .option('ids', {
          type: 'string',
          requiresArg: true,
          describe:
            'A .npy or .txt file with an id for each row, or a column (.csv) or key (.jsonl) of SOURCE',
        })
        .option('vector-key', {
          type: 'string',
          requiresArg: true,
          describe: 'Key that holds the vector in .jsonl (default: vector)',
        })
        .option('overwrite', {
          type: 'boolean',
          describe: 'Replace rows whose ids exist instead of refusing the batch',
        })
        .option('validate', { type: 'boolean', describe: 'Check every batch and store nothing' })
        .option('batch', {
          type: 'number',
          requiresArg: true,
          coerce: optionalWholeNumber('batch', 1, MAX_ROWS_PER_CALL),
          describe: `Rows a call, at most ${MAX_ROWS_PER_CALL} (default: 32 MiB of rows)`,
        })
        .option('skip', {
          type: 'number',
          requiresArg: true,
          coerce: wholeNumber('skip', 0, Number.MAX_SAFE_INTEGER),
          default: 0,
          describe: 'Leave out so many rows at the start of SOURCE',
        })
        .option('create', {
          type: 'boolean',
          default: false,
          describe: 'Make FILE with the dimensions of SOURCE',
        })
        .options(layoutOptions)
        .conflicts('overwrite', 'validate')
        .example('$0 insert /mnt/docs.vec docs.npy --create', 'a new file from a numpy array')
        .example(
          '$0 insert /mnt/docs.vec more.jsonl --ids id --overwrite',
          'add rows and replace those that exist',
        )
        .example('$0 insert /mnt/docs.vec docs.npy --skip 65536', 'go on after 65536 rows'),
    (options) => insert(options),
  );
}
