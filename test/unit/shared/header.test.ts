import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  type AnyStruct,
  batchInsertRequest,
  commands,
  diskConstants,
  diskStructs,
  getEmbedding,
  MAX_INLINE_BYTES,
  NO_ID,
  VEXFS_IOC_GET_EMBEDDING_INLINE,
  vectorFileInfo,
  vectorSearchRequest,
  vexfsStats,
  vssCommands,
  vssQuery,
  vssStats,
  vssVector,
} from '@vexfs/shared';
import test from 'ava';

const root = fileURLToPath(new URL('../../../..', import.meta.url));
const include = join(root, 'kernel/include/uapi');
const scratch = mkdtempSync(join(tmpdir(), 'vexfs-header-'));
test.after.always(() => rmSync(scratch, { recursive: true, force: true }));

const structs: readonly AnyStruct[] = [
  vectorFileInfo,
  vectorSearchRequest,
  batchInsertRequest,
  getEmbedding,
  vexfsStats,
  vssVector,
  vssQuery,
  vssStats,
  ...diskStructs,
];

/** What C must print, by the expression that prints it. */
function expectations(): Map<string, bigint> {
  const expected = new Map<string, bigint>();
  for (const { $ } of structs) {
    expected.set(`sizeof(struct ${$.name})`, BigInt($.size));
    for (const [label, field] of $.fields) {
      expected.set(`offsetof(struct ${$.name}, ${label})`, BigInt(field.offset));
      expected.set(`sizeof(((struct ${$.name} *)0)->${label})`, BigInt(field.size));
    }
  }
  for (const [name, { value }] of Object.entries(commands)) expected.set(`VEXFS_IOC_${name}`, BigInt(value));
  for (const [name, { value }] of Object.entries(vssCommands)) expected.set(`VSS_${name}`, BigInt(value));
  for (const [name, value] of Object.entries(diskConstants)) expected.set(name, BigInt(value));
  expected.set('VEXFS_IOCTL_GET_STATS', BigInt(commands.GET_STATS.value));
  expected.set(
    'VEXFS_IOC_GET_EMBEDDING_INLINE(VEXFS_MAX_INLINE_BYTES)',
    BigInt(VEXFS_IOC_GET_EMBEDDING_INLINE(MAX_INLINE_BYTES)),
  );
  expected.set('VEXFS_NO_ID', NO_ID);
  return expected;
}

function compileAndRun(compiler: string, standard: string, extension: string): Map<string, bigint> {
  const expressions = [...expectations().keys()];
  const source = join(scratch, `values.${extension}`);
  const program = join(scratch, `values-${extension}`);
  writeFileSync(
    source,
    [
      ...['vexfs.h', 'vss.h', 'vexfs_disk.h'].map((name) => `#include "${name}"`),
      '#include <stddef.h>',
      '#include <stdio.h>',
      'int main(void) {',
      ...expressions.map((text) => `\tprintf("%llu\\n", (unsigned long long)(${text}));`),
      '\treturn 0;',
      '}',
      '',
    ].join('\n'),
  );
  const flags = [`-std=${standard}`, '-Wall', '-Wextra', '-Werror', '-pedantic', '-I', include];
  execFileSync(compiler, [...flags, source, '-o', program], { timeout: 60_000, stdio: 'pipe' });
  const lines = execFileSync(program, { encoding: 'utf8', timeout: 10_000 }).trimEnd().split('\n');
  return new Map(expressions.map((text, index) => [text, BigInt(lines[index] ?? -1)]));
}

for (const [compiler, standard, extension] of [
  ['gcc', 'c11', 'c'],
  ['g++', 'c++11', 'cc'],
] as const) {
  test(`${compiler} takes the headers without a warning and sees the sizes, offsets and values that TypeScript sees`, (t) => {
    t.timeout(90_000);
    const printed = compileAndRun(compiler, standard, extension);
    for (const [text, value] of expectations()) {
      t.is(printed.get(text), value, `${text} differs between C and TypeScript`);
    }
  });
}

test('the frozen commands and those of /dev/vss have the values that programs were compiled with', (t) => {
  t.is(commands.SET_VECTOR_META.value, 0x40285601);
  t.is(commands.GET_VECTOR_META.value, 0x80285602);
  t.is(commands.VECTOR_SEARCH.value, 0xc0305603);
  t.is(commands.BATCH_INSERT.value, 0x40205604);
  t.is(vssCommands.ADD_VECTOR.value, 0x42087601);
  t.is(vssCommands.QUERY_TOP_K.value, 0xc3087602);
  t.is(vssCommands.GET_STATS.value, 0x80207603);
});

test('GET_EMBEDDING and GET_STATS travel in both directions with 64 and 128 bytes', (t) => {
  t.is(commands.GET_EMBEDDING.value, 0xc0405611);
  t.is(commands.GET_STATS.value, 0xc0805619);
  t.is(VEXFS_IOC_GET_EMBEDDING_INLINE(16), 0xc0505611);
  t.throws(() => VEXFS_IOC_GET_EMBEDDING_INLINE(MAX_INLINE_BYTES + 1), { instanceOf: RangeError });
});

const generate = join(root, 'shared/dist/generate.js');
const headers = ['vexfs.h', 'vss.h', 'vexfs_disk.h'];

test('the checked-in headers are those that the generator writes', (t) => {
  const { status, stderr } = spawnSync(process.execPath, [generate, '--check'], { encoding: 'utf8' });
  t.is(status, 0, stderr);
});

test('the check names a header that was edited by hand, and writing restores it', (t) => {
  const copy = join(scratch, 'copy');
  const uapi = join(copy, 'kernel/include/uapi');
  mkdirSync(dirname(uapi), { recursive: true });
  cpSync(include, uapi, { recursive: true });
  const victim = join(uapi, 'vexfs.h');
  writeFileSync(victim, readFileSync(victim, 'utf8').replace('VEXFS_MAX_K ', 'VEXFS_MOST_K '));
  const check = spawnSync(process.execPath, [generate, '--check', '--root', copy], { encoding: 'utf8' });
  t.is(check.status, 1);
  t.regex(check.stderr, /uapi\/vexfs\.h is stale/);
  t.notRegex(check.stderr, /vss\.h/);
  execFileSync(process.execPath, [generate, '--root', copy]);
  for (const name of headers) {
    t.is(readFileSync(join(uapi, name), 'utf8'), readFileSync(join(include, name), 'utf8'), name);
  }
});

test('a missing header is reported, not taken for an up-to-date one', (t) => {
  const empty = mkdtempSync(join(scratch, 'empty-'));
  const { status, stderr } = spawnSync(process.execPath, [generate, '--check', '--root', empty], {
    encoding: 'utf8',
  });
  t.is(status, 1);
  t.is(stderr.trimEnd().split('\n').length, headers.length, stderr);
});
