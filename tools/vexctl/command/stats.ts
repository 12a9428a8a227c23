import type { Argv } from 'yargs';
import { type FileStats, openVectors } from '../../client/index.js';
import { bytes, count, facts, print, toJson } from '../output.js';

export function statsCommand(program: Argv<{ json: boolean }>): Argv<{ json: boolean }> {
  return program.command(
    'stats <file>',
    'Show how full and how busy a vector file is',
    (command) =>
      command
        .usage('$0 stats FILE [options]\n\nSearches and inserts are counted since the volume was mounted.')
        .positional('file', { type: 'string', demandOption: true, describe: 'A vector file' })
        .example("$0 stats /mnt/docs.vec --json | jq '.rows'", 'the number of rows, for a script'),
    async (options) => {
      const file = await openVectors(options.file);
      try {
        const stats = await file.stats();
        if (options.json) {
          print(toJson({ file: options.file, ...stats }));
          return;
        }
        print(
          facts([
            ['rows', count(stats.rows)],
            ['slots', `${count(stats.slots)}, ${count(stats.freeSlots)} of them free`],
            ['next id', `${stats.nextId}`],
            ['indexed rows', indexed(stats)],
            [
              'row',
              `${count(stats.rowBytes)} B of ${stats.elementType} x ${stats.dimensions}, every ${count(stats.stride)} B`,
            ],
            ['matrix', bytes(stats.matrixBytes)],
            [
              'row log',
              `${bytes(stats.logBytes)}, ${count(stats.logRecords)} records, compacted ${count(stats.logCompactions)} times`,
            ],
            ['searches', `${count(stats.searches)}, ${count(stats.rowsScanned)} rows scanned`],
            ['inserts', `${count(stats.insertCalls)} calls, ${count(stats.rowsInserted)} rows`],
          ]),
        );
      } finally {
        await file.close();
      }
    },
  );
}

function indexed({ indexedRows, isIndexOnVolume }: FileStats): string {
  if (indexedRows === 0) return 'no index';
  return isIndexOnVolume ? `${count(indexedRows)}, read from the page cache` : count(indexedRows);
}
