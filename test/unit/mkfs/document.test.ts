import { readFileSync } from 'node:fs';
import { diskStructs } from '@vexfs/shared';
import test from 'ava';
import { mkfs } from './run_mkfs.js';
import { little64, slowCrc } from './written_format.js';

const manual = readFileSync(new URL('../../../../docs/mkfs.vexfs.md', import.meta.url), 'utf8');
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

test('the example sums in docs/format.md are right', (t) => {
  const seed = slowCrc(0xffffffff, new Uint8Array(16));
  const sum = slowCrc(slowCrc(seed, little64(3)), new Uint8Array(1024));
  const hex = (value: number): string => `0x${value.toString(16).padStart(8, '0')}`;
  t.true(text.includes(`the seed is ${hex(seed)}`));
  t.true(text.includes(`consists of 1024 zero bytes is ${hex(sum)}`));
});

test('every option of --help stands in docs/mkfs.vexfs.md', (t) => {
  const options = mkfs('--help').stdout.match(/--[a-z-]+(?= {2})/g) ?? [];
  t.true(options.length >= 13, String(options));
  const untold = options.filter((option) => !manual.includes(`\`${option}\``));
  t.deepEqual(untold, ['--help', '--version'], 'these two stand there as -h and -V');
});
