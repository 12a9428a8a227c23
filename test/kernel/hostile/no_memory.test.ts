import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import ava from 'ava';
import { must } from '../../parity/backend/programs.js';
import { chosen } from '../../unit/volume/seeded.js';
import { ROOT } from '../../vm/module_build.js';
import { SANITIZES } from '../../vm/sanitizing_kernel.js';
import { hostileTest } from './hostile_test.js';

const SOURCES = join(ROOT, 'test/kernel/hostile/no_memory');
const WORDS = [
  '-std=gnu11',
  '-O2',
  '-Wall',
  '-Wextra',
  '-Wno-missing-field-initializers',
  '-Werror',
  '-static',
];
/** Allocations of a call that fail each; of those behind them fewer and fewer do. */
const FINE = chosen('VEXFS_HOSTILE_ALLOCATIONS', 12);
/** `NAME: ALLOCATIONS, FAILURES` */
const COUNTED = /^(.+): (\d+), (\d+)$/;
/** Kinds of call, so that none goes missing. */
const KINDS = 76;
const TITLE =
  'whatever allocation of memory fails, the call fails with ENOMEM, changes nothing and harms nothing';

function build(folder: string): string {
  const program = join(folder, 'no_memory');
  const sources = readdirSync(SOURCES).filter((name) => name.endsWith('.c'));
  const include = `-I${join(ROOT, 'kernel/include/uapi')}`;
  must('gcc', [...WORDS, include, '-o', program, ...sources.map((name) => join(SOURCES, name))], 120_000);
  return program;
}

if (!SANITIZES) {
  ava.skip(`${TITLE} (only a kernel with fault injection can: --sanitize)`, () => {});
} else {
  hostileTest(TITLE, {
    program: build,
    size: '64M',
    words: () => [FINE],
    seconds: 240,
    judge(t, { output, dmesg }) {
      const lines = output.trim().split('\n');
      const kinds = lines.flatMap((line) => {
        const [, name, , failures] = COUNTED.exec(line) ?? [];
        return name === undefined ? [] : [{ name, failures: Number(failures) }];
      });
      t.deepEqual(
        lines.filter((line) => !COUNTED.test(line)),
        [],
      );
      t.is(kinds.length, KINDS);
      // What is in memory already allocates nothing.
      t.deepEqual(
        kinds.filter(({ name, failures }) => failures === 0 && name !== 'seek'),
        [],
      );
      t.log(
        `${kinds.length} kinds of call, ${kinds.reduce((sum, { failures }) => sum + failures, 0)} failures`,
      );
      t.notRegex(dmesg, /vexfs \([^)]*\): (damaged|.*journal|.*read-only)|Aborting journal/);
    },
  });
}
