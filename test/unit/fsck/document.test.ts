import { readdirSync, readFileSync } from 'node:fs';
import test from 'ava';
import { PLANTED } from './planted.js';
import { PLANTED_NAMES } from './planted_names.js';

const page = readFileSync(new URL('../../../../docs/fsck.vexfs.md', import.meta.url), 'utf8');
const sources = new URL('../../../../mkfs/fsck/', import.meta.url);

/** First cells of the table under a heading, their words in backticks. */
function words(heading: string): Set<string> {
  const section = page.split(`## ${heading}\n`)[1]!.split('\n## ')[0]!;
  const rows = section.split('\n').filter((line) => line.startsWith('| `'));
  return new Set(
    rows.flatMap((row) => [...row.split('|')[1]!.matchAll(/`([a-z-]+)`/g)].map((match) => match[1]!)),
  );
}

test('the manual names every kind of finding, and no other', (t) => {
  const codes = new Set<string>();
  for (const name of readdirSync(sources).filter((file) => file.endsWith('.ts'))) {
    const text = readFileSync(new URL(name, sources), 'utf8');
    for (const match of text.matchAll(/code: '([a-z-]+)'|find\(\s*'([a-z-]+)'/g))
      codes.add((match[1] ?? match[2])!);
    for (const match of text.matchAll(/code: \w+ \? '([a-z-]+)' : '([a-z-]+)'/g)) {
      codes.add(match[1]!);
      codes.add(match[2]!);
    }
    if (/code: `\$\{name\}-bitmap`/.test(text))
      for (const which of ['block', 'inode']) codes.add(`${which}-bitmap`);
  }
  t.deepEqual([...words('Findings')].sort(), [...codes].sort());
});

test('damage of every kind in the manual is planted by a test', (t) => {
  const planted = new Set([...PLANTED, ...PLANTED_NAMES].map(({ code }) => code));
  // A repair that fails needs a program that is wrong, or a full volume.
  const missing = [...words('Findings')].filter((code) => !planted.has(code) && code !== 'repair');
  t.deepEqual(missing, []);
});
