import { MAX_DIMENSIONS } from '@vexfs/shared';
import type { Argv } from 'yargs';
import { openVectors } from '../../client/index.js';
import { layoutOptions } from '../layout_options.js';
import { print, toJson } from '../output.js';
import { wholeNumber } from '../whole_number.js';

export function createCommand(program: Argv<{ json: boolean }>): Argv<{ json: boolean }> {
  return program.command(
    'create <file>',
    'Make a vector file, or give an existing file a layout',
    (command) =>
      command
        .usage(
          '$0 create FILE --dimensions N [options]\n\nThe same layout again changes nothing. A file with bytes in it keeps them: its whole rows get the ids 0, 1, 2, ...',
        )
        .positional('file', {
          type: 'string',
          demandOption: true,
          describe: 'Path on a mounted VexFS volume',
        })
        .option('dimensions', {
          alias: 'd',
          type: 'number',
          requiresArg: true,
          demandOption: true,
          coerce: wholeNumber('dimensions', 1, MAX_DIMENSIONS),
          describe: `Components of a vector, 1 to ${MAX_DIMENSIONS}`,
        })
        .options(layoutOptions)
        .example('$0 create /mnt/docs.vec -d 768', 'an empty file for vectors of 768 float32')
        .example('$0 create /mnt/docs.vec -d 768 --type int8', 'the same in a quarter of the space')
        .example(
          '$0 create /mnt/e.npy -d 128 --data-offset 128',
          'use a .npy file that was copied there as it is',
        ),
    async (options) => {
      const file = await openVectors(options.file, {
        create: {
          dimensions: options.dimensions,
          elementType: options.type,
          alignment: options.align,
          dataOffset: options.dataOffset,
        },
      });
      try {
        const info = await file.info();
        if (options.json) print(toJson({ file: options.file, ...info }));
        else
          print(`${options.file}: ${info.dimensions} dimensions of ${info.elementType}, ${info.rows} rows`);
      } finally {
        await file.close();
      }
    },
  );
}
