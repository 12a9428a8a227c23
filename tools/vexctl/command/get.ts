import { Errno } from '@vexfs/shared';
import type { Argv } from 'yargs';
import { openVectors, type VectorFile, VexfsError } from '../../client/index.js';
import { defaultBatchRows } from '../../client/rows.js';
import { print, shortest, toJson } from '../output.js';
import { idsOption, idWords, severalWords, wantedIds } from '../wanted_ids.js';

interface Given {
  readonly file: string;
  readonly json: boolean;
  readonly missingOk: boolean;
}

function missing(path: string, id: bigint): VexfsError {
  return new VexfsError({ errno: Errno.ENOENT, operation: `get id ${id} of`, path });
}

async function showOne(file: VectorFile, id: bigint, given: Given): Promise<void> {
  const row = await file.get(id);
  if (row === undefined) {
    if (given.missingOk) return;
    throw missing(given.file, id);
  }
  const vector = Array.from(row.vector, shortest);
  print(given.json ? toJson({ id, slot: row.slot, vector }) : `[${vector.join(', ')}]`);
}

/** One line a row, in the order of the ids. */
async function showMany(file: VectorFile, ids: BigUint64Array, given: Given): Promise<void> {
  const { dimensions } = await file.info();
  const batch = defaultBatchRows(dimensions);
  for (let first = 0; first < ids.length; first += batch) {
    const part = ids.slice(first, first + batch);
    for (const [i, row] of (await file.getMany(part)).entries()) {
      const id = part[i]!;
      if (row === undefined && given.missingOk) continue;
      if (row === undefined) throw missing(given.file, id);
      const vector = Array.from(row, shortest);
      print(given.json ? toJson({ id, vector }) : `[${vector.join(', ')}]`);
    }
  }
}

export function getCommand(program: Argv<{ json: boolean }>): Argv<{ json: boolean }> {
  return program.command(
    'get <file> [id..]',
    'Show rows',
    (command) =>
      command
        .usage(
          '$0 get FILE ID... [options]\n\nPrints each vector as a JSON array in a line, which search takes as a query. With --json each line is an object with the id, and for a single row its slot.',
        )
        .positional('file', { type: 'string', demandOption: true, describe: 'A vector file' })
        .positional('id', idWords)
        .parserConfiguration(severalWords)
        .option('ids', idsOption)
        .option('missing-ok', {
          type: 'boolean',
          default: false,
          describe: 'Leave out ids that no row has',
        })
        .example('$0 get /mnt/docs.vec 42', 'the components of row 42')
        .example('$0 get /mnt/docs.vec --ids wanted.txt --json', 'many rows, a line each')
        .example(
          '$0 search /mnt/docs.vec "$($0 get /mnt/docs.vec 42)"',
          'what lies near it; row:42 does the same',
        ),
    async ({ id, ids: from, ...given }) => {
      const ids = await wantedIds(id, from);
      const file = await openVectors(given.file);
      try {
        if (ids.length === 1) await showOne(file, ids[0]!, given);
        else await showMany(file, ids, given);
      } finally {
        await file.close();
      }
    },
  );
}
