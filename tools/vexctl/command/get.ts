import { Errno } from '@vexfs/shared';
import type { Argv } from 'yargs';
import { openVectors, VexfsError } from '../../client/index.js';
import { UsageError } from '../exit.js';
import { print, shortest, toJson } from '../output.js';
import { ID_RULE, parseId } from '../read/id.js';

export function getCommand(program: Argv<{ json: boolean }>): Argv<{ json: boolean }> {
  return program.command(
    'get <file> <id>',
    'Show one row',
    (command) =>
      command
        .usage(
          '$0 get FILE ID [options]\n\nPrints the vector as a JSON array, which search takes as a query.',
        )
        .positional('file', { type: 'string', demandOption: true, describe: 'A vector file' })
        .positional('id', { type: 'string', demandOption: true, describe: 'Id of the row' })
        .example('$0 get /mnt/docs.vec 42', 'the components of row 42')
        .example(
          '$0 search /mnt/docs.vec "$($0 get /mnt/docs.vec 42)"',
          'what lies near it; row:42 does the same',
        ),
    async (options) => {
      const id = parseId(options.id);
      if (id === undefined) throw new UsageError(`'${options.id}' is no id: ${ID_RULE}`);
      const file = await openVectors(options.file);
      try {
        const row = await file.get(id);
        if (row === undefined)
          throw new VexfsError({ errno: Errno.ENOENT, operation: `get id ${id} of`, path: options.file });
        const vector = Array.from(row.vector, shortest);
        print(options.json ? toJson({ id: row.id, slot: row.slot, vector }) : `[${vector.join(', ')}]`);
      } finally {
        await file.close();
      }
    },
  );
}
