import type { Argv } from 'yargs';
import { openVectors } from '../../client/index.js';
import { count, print, toJson } from '../output.js';
import { idsOption, idWords, severalWords, wantedIds } from '../wanted_ids.js';

export function deleteCommand(program: Argv<{ json: boolean }>): Argv<{ json: boolean }> {
  return program.command(
    'delete <file> [id..]',
    'Delete rows',
    (command) =>
      command
        .usage(
          '$0 delete FILE ID... [options]\n\nDeletes all of the rows or none, durably. Their ids can be used again; the space comes back behind the scenes.',
        )
        .positional('file', { type: 'string', demandOption: true, describe: 'A vector file' })
        .positional('id', idWords)
        .parserConfiguration(severalWords)
        .option('ids', idsOption)
        .option('missing-ok', {
          type: 'boolean',
          default: false,
          describe: 'Pass over ids that no row has instead of refusing all',
        })
        .example('$0 delete /mnt/docs.vec 42 43', 'two rows')
        .example('$0 delete /mnt/docs.vec --ids gone.txt --missing-ok', 'those that are still there'),
    async ({ file: path, id, ids: from, missingOk, json }) => {
      const ids = await wantedIds(id, from);
      const file = await openVectors(path, { write: true });
      try {
        await file.delete(ids, { missingOk });
        await file.sync();
        const { rows } = await file.stats();
        if (json) print(toJson({ file: path, ids: ids.length, rows }));
        else print(`no row has one of the ${count(ids.length)} ids any more; ${count(rows)} rows are left`);
      } finally {
        await file.close();
      }
    },
  );
}
