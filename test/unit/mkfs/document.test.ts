import { readFileSync } from 'node:fs';
import { diskStructs } from '@vexfs/shared';
import test from 'ava';

const text = readFileSync(new URL('../../../../docs/format.md', import.meta.url), 'utf8');

for (const { $ } of diskStructs) {
  test(`docs/format.md gives ${$.name} as it is`, (t) => {
    const start = text.indexOf(`\`struct ${$.name}\`, ${$.size} bytes:`);
    t.true(start >= 0, 'heading with the size');
    const rows: Array<readonly [string, number, number]> = [];
    for (const line of text.slice(start).split('\n').slice(2)) {
      if (!line.startsWith('|')) break;
      const match = /^\| (\d+) \| (\d+) \| (\w+) \| \S/.exec(line);
      if (match !== null) rows.push([match[3]!, Number(match[1]), Number(match[2])]);
    }
    t.deepEqual(
      rows,
      $.fields.map(([name, field]) => [name, field.offset, field.size] as const),
    );
  });
}

test('docs/format.md is plain ASCII', (t) => {
  const odd = [...text].find((character) => character > '\x7e');
  t.is(odd, undefined);
});
