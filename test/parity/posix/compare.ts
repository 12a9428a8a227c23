import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { must } from '../backend/programs.js';
import { paritySuite } from '../backend/suite.js';
import { canMountExt4, mountExt4 } from './ext4.js';
import { unknown } from './known_differences.js';
import {
  compileTable,
  type Difference,
  differences,
  encodeGolden,
  goldenPath,
  kernelSeries,
  parseTable,
  readGolden,
  type Table,
} from './table.js';

/** Set, the answers of ext4 are recorded instead of compared with. */
const RECORDS = process.env.VEXFS_RECORD === '1';
/** After which a table hangs; in a guest each system call takes ten times as long. */
const LIMIT = 400_000;

interface Place {
  readonly mountpoint: string;
  remountReadOnly(): Promise<void> | void;
}

async function ask(
  program: string,
  sections: readonly string[],
  place: Place,
  words: readonly string[] = [],
): Promise<string> {
  const folder = join(place.mountpoint, 'table');
  mkdirSync(folder);
  chmodSync(folder, 0o755);
  const asked = sections.filter((section) => section !== 'read-only');
  const parts = asked.length > 0 ? [must(program, [...words, folder, ...asked], LIMIT)] : [];
  if (sections.includes('read-only')) {
    must(program, [...words, '--freeze', folder], LIMIT);
    await place.remountReadOnly();
    parts.push(must(program, [...words, '--frozen', folder], LIMIT));
  }
  return parts.join('');
}

/** The first of many, as sentences: each names the row, the user, what came and what was expected. */
function sentences(found: readonly Difference[]): string[] {
  const first = found.slice(0, 20).map((it) => `${it.row} (${it.user}): ${it.actual} and not ${it.expected}`);
  return found.length > first.length ? [...first, `${found.length} in all`] : first;
}

/**
 * Tests that sections of the table come out on the backend as on ext4: one that is mounted beside it, or where that is not
 * possible as recorded in golden/`group`.txt.gz. Only root can ask as several users.
 */
export function compareTables(group: string, sections: readonly string[], atLeast: number): void {
  const { test, backend, scratch } = paritySuite({ size: '256M' });
  const isRoot = process.getuid?.() === 0;
  const comparing = isRoot ? test : test.skip;
  const recording = isRoot && canMountExt4() ? test : test.skip;
  let program = '';
  let expected: Table | undefined;
  test.before('the program is there', () => {
    program = compileTable(scratch);
  });

  recording(`ext4 answers as recorded: ${sections.join(', ')}`, async (t) => {
    t.timeout(2 * LIMIT);
    const ext4 = mountExt4(scratch);
    try {
      const text = await ask(program, sections, ext4);
      if (RECORDS) writeFileSync(goldenPath(group), encodeGolden(text));
      expected = parseTable(text);
    } finally {
      ext4.end();
    }
    const golden = readGolden(group);
    const found = differences(golden.table, expected);
    // Another kernel may answer differently; then the backend is compared with what it answers.
    if (golden.kernel === kernelSeries()) t.deepEqual(sentences(found), []);
    else t.log(`${found.length} answers are others than on Linux ${golden.kernel}`);
    t.true(expected.size >= atLeast, `${expected.size} rows`);
  });

  comparing(`every answer is that of ext4: ${sections.join(', ')}`, async (t) => {
    t.timeout(2 * LIMIT);
    const place = { mountpoint: backend.mountpoint, remountReadOnly: () => backend.remount(['ro']) };
    // In a guest the clock is the tests' own, and file times are as coarse as its tick.
    const words = backend.isProcess ? [] : ['--own-clock'];
    const actual = parseTable(await ask(program, sections, place, words));
    const wanted = expected ?? readGolden(group).table;
    t.true(actual.size >= atLeast, `${actual.size} rows`);
    const unused: string[] = [];
    t.deepEqual(sentences(unknown(backend.name, differences(wanted, actual), unused, actual.keys())), []);
    t.deepEqual(unused, [], 'differences that are gone: take them from the list and from the page');
  });
}
