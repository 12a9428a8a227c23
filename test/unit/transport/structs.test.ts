import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  ATTR_OUT_ATTR_OFFSET,
  DIRENTPLUS_DIRENT_OFFSET,
  DIRENTPLUS_NAME_OFFSET,
  ENTRY_ATTR_OFFSET,
  FATTR,
  FOPEN,
  FUSE_DEV_IOC_CLONE,
  INIT,
  INIT2,
  IOCTL,
  LK_IN_LOCK_OFFSET,
  NOTIFY,
  OPCODE,
  ROOT_ID,
  SETXATTR_IN_COMPAT_SIZE,
  STATX_OUT_STATX_OFFSET,
  structs,
} from '@vexfs/fuse/protocol';
import test from 'ava';

const HEADER = '/usr/include/linux/fuse.h';
const present = existsSync(HEADER);
if (!present) console.log(`the wire structures are not compared: there is no ${HEADER}`);
const comparing = present ? test : test.skip;

/** Fields that the header nests: their C spelling. */
const NESTED: Readonly<Record<string, string>> = {
  'fuse_statx.atime': 'atime.tv_sec',
  'fuse_statx.atimensec': 'atime.tv_nsec',
  'fuse_statx.btime': 'btime.tv_sec',
  'fuse_statx.btimensec': 'btime.tv_nsec',
  'fuse_statx.ctime': 'ctime.tv_sec',
  'fuse_statx.ctimensec': 'ctime.tv_nsec',
  'fuse_statx.mtime': 'mtime.tv_sec',
  'fuse_statx.mtimensec': 'mtime.tv_nsec',
};

/** Compiles and runs a program that prints `label value` for each expression; expressions whose header name is missing are left out. */
function evaluate(expressions: ReadonlyMap<string, string>): Map<string, bigint> {
  const directory = mkdtempSync(join(tmpdir(), 'vexfs-structs-'));
  try {
    const lines = [...expressions].map(
      ([label, expression]) =>
        `printf("%s %llu\\n", ${JSON.stringify(label)}, (unsigned long long)(${expression}));`,
    );
    const source = join(directory, 'print.c');
    const program = join(directory, 'print');
    const includes = ['stdio.h', 'stddef.h', 'sys/ioctl.h', 'linux/fuse.h'].map(
      (name) => `#include <${name}>`,
    );
    writeFileSync(source, `${includes.join('\n')}\nint main(void) {\n${lines.join('\n')}\nreturn 0; }\n`);
    execFileSync('gcc', ['-w', '-o', program, source], {
      stdio: ['ignore', 'ignore', 'pipe'],
      timeout: 60000,
    });
    const output = execFileSync(program, { encoding: 'utf8', timeout: 10000 });
    return new Map(
      output
        .trim()
        .split('\n')
        .map((line): [string, bigint] => {
          const [label = '', value = ''] = line.split(' ');
          return [label, BigInt(value)];
        }),
    );
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** Names that this machine's header knows; an older one lacks what later protocol versions added. */
const headerText = present ? readFileSync(HEADER, 'utf8') : '';
const knows = (name: string): boolean => new RegExp(`\\b${name}\\b`).test(headerText);

comparing('every structure has the size and the offsets of linux/fuse.h', (t) => {
  const expressions = new Map<string, string>();
  const expected = new Map<string, bigint>();
  const add = (label: string, expression: string, value: number) => {
    expressions.set(label, expression);
    expected.set(label, BigInt(value));
  };
  for (const { $ } of structs) {
    if (!knows($.name)) continue;
    add(`sizeof(${$.name})`, `sizeof(struct ${$.name})`, $.size);
    for (const [label, field] of $.fields) {
      const inC = NESTED[`${$.name}.${label}`] ?? label;
      add(`${$.name}.${label}`, `offsetof(struct ${$.name}, ${inC})`, field.offset);
    }
  }
  const nested = [
    ['fuse_entry_out', 'attr', ENTRY_ATTR_OFFSET],
    ['fuse_attr_out', 'attr', ATTR_OUT_ATTR_OFFSET],
    ['fuse_lk_in', 'lk', LK_IN_LOCK_OFFSET],
    ['fuse_direntplus', 'dirent', DIRENTPLUS_DIRENT_OFFSET],
    ['fuse_direntplus', 'dirent.name', DIRENTPLUS_NAME_OFFSET],
    ['fuse_statx_out', 'stat', STATX_OUT_STATX_OFFSET],
  ] as const;
  for (const [name, field, offset] of nested) {
    if (knows(name)) add(`${name}.${field}`, `offsetof(struct ${name}, ${field})`, offset);
  }
  t.true(expressions.size > 200, 'the header should know nearly every structure');
  t.deepEqual(evaluate(expressions), expected);
});

comparing('opcodes, flags and notify codes are those of linux/fuse.h', (t) => {
  const expressions = new Map<string, string>();
  const expected = new Map<string, bigint>();
  const add = (name: string, value: number | bigint) => {
    if (!knows(name)) return;
    expressions.set(name, name === 'FUSE_DEV_IOC_CLONE' ? name : `(unsigned long long)${name}`);
    expected.set(name, BigInt(value));
  };
  for (const [name, value] of Object.entries(OPCODE)) add(`FUSE_${name}`, value);
  for (const [name, value] of Object.entries(INIT)) add(`FUSE_${name}`, value >>> 0);
  for (const [name, value] of Object.entries(INIT2)) add(`FUSE_${name}`, BigInt(value) << 32n);
  for (const [name, value] of Object.entries(FOPEN)) add(`FOPEN_${name}`, value);
  for (const [name, value] of Object.entries(FATTR)) add(`FATTR_${name}`, value);
  for (const [name, value] of Object.entries(NOTIFY)) add(`FUSE_NOTIFY_${name}`, value);
  for (const [name, value] of Object.entries(IOCTL)) {
    add(`FUSE_IOCTL_${name === 'BITS_32' ? '32BIT' : name}`, value);
  }
  add('FUSE_ROOT_ID', ROOT_ID);
  add('FUSE_DEV_IOC_CLONE', FUSE_DEV_IOC_CLONE);
  add('FUSE_COMPAT_SETXATTR_IN_SIZE', SETXATTR_IN_COMPAT_SIZE);
  t.true(expressions.size > 100, 'the header should know nearly every name');
  t.deepEqual(evaluate(expressions), expected);
});
