import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  type AnyStruct,
  batchGet,
  batchInsertRequest,
  commands,
  getEmbedding,
  putEmbedding,
  vectorFileInfo,
  vectorSearchRequest,
  vexfsStats,
} from '@vexfs/shared';
import test from 'ava';

const root = fileURLToPath(new URL('../../../..', import.meta.url));
const page = readFileSync(join(root, 'docs/api.md'), 'utf8');
const blocks = [...page.matchAll(/^```c\n(.*?)^```/gms)].map((match) => match[1]!);
const scratch = mkdtempSync(join(tmpdir(), 'vexfs-api-page-'));
test.after.always(() => rmSync(scratch, { recursive: true, force: true }));

test('the C program of the page compiles without a warning and says why it failed elsewhere', (t) => {
  const source = join(scratch, 'example.c');
  const program = join(scratch, 'example');
  writeFileSync(source, blocks.at(-1)!);
  const flags = ['-std=c11', '-Wall', '-Wextra', '-Werror', '-I', join(root, 'kernel/include/uapi')];
  const compiler = spawnSync('gcc', [...flags, source, '-o', program], { encoding: 'utf8', timeout: 60_000 });
  t.is(compiler.status, 0, compiler.stderr);
  const { status, stderr } = spawnSync(program, [join(scratch, 'plain')], {
    encoding: 'utf8',
    timeout: 10_000,
  });
  t.is(status, 1);
  t.regex(stderr, /Inappropriate ioctl/);
});

test('the page shows each structure with the fields that it has, in their order', (t) => {
  for (const { $ } of [
    vectorFileInfo,
    batchInsertRequest,
    vectorSearchRequest,
    getEmbedding,
    putEmbedding,
    batchGet,
  ] as AnyStruct[]) {
    const block = blocks.find((text) => text.startsWith(`struct ${$.name} {`));
    const fields = [...(block ?? '').matchAll(/^ {4}.*?(\w+)(?:\[\d+\])?;/gm)].map((match) => match[1]);
    t.deepEqual(
      fields,
      $.fields.map(([name]) => name),
      $.name,
    );
  }
  const table = page.slice(page.indexOf('## GET_STATS'));
  for (const [name] of vexfsStats.$.fields)
    t.regex(table, new RegExp(`^\\|.*\\b${name}\\b.*\\|.*\\|$`, 'm'), name);
});

test('the page gives the value and the size of each command', (t) => {
  for (const [prefix, list] of [['VEXFS_IOC_', commands]] as const) {
    for (const [name, { value, argument }] of Object.entries(list)) {
      const line = page
        .split('\n')
        .find((text) => text.startsWith('|') && text.includes(`\`${prefix}${name}\``));
      t.true(line?.includes(`0x${value.toString(16)}`), `${name}: ${line}`);
      t.true(line?.includes(`${argument.$.size} bytes`), `${name}: ${line}`);
    }
  }
});
