import { stat } from 'node:fs/promises';
import type { Argv } from 'yargs';
import { openVectors } from '../../client/index.js';
import { bytes, count, facts, print, toJson } from '../output.js';

export function infoCommand(program: Argv<{ json: boolean }>): Argv<{ json: boolean }> {
  return program.command(
    'info <file>',
    'Show the layout of a vector file',
    (command) =>
      command
        .usage('$0 info FILE [options]')
        .positional('file', { type: 'string', demandOption: true, describe: 'A vector file' })
        .example('$0 info /mnt/docs.vec', 'dimensions, element type, rows, offset, alignment, size'),
    async (options) => {
      const file = await openVectors(options.file);
      try {
        const info = await file.info();
        const { size } = await stat(options.file);
        if (options.json) {
          print(toJson({ file: options.file, ...info, size }));
          return;
        }
        print(
          facts([
            ['file', options.file],
            ['dimensions', `${info.dimensions}`],
            ['element type', info.elementType],
            ['rows', count(info.rows)],
            ['storage', `${info.storageFormat}, compression ${info.compression}`],
            ['data offset', bytes(info.dataOffset)],
            ['alignment', info.alignment === 0 ? 'packed' : bytes(info.alignment)],
            ['size', bytes(size)],
          ]),
        );
      } finally {
        await file.close();
      }
    },
  );
}
