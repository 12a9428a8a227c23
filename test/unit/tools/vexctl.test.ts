import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';

const vexctl = fileURLToPath(new URL('../../../../tools/bin/vexctl.mjs', import.meta.url));
const manual = fileURLToPath(new URL('../../../../docs/vexctl.md', import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'vexfs-vexctl-'));
test.after.always(() => rmSync(scratch, { recursive: true, force: true }));

const commands = ['create', 'insert', 'search', 'get', 'delete', 'info', 'stats', 'index', 'completion'];
/** The codes are a promise to scripts: they stand here once more on purpose. */
const exitCodes = [0, 1, 2, 3, 4, 5, 130];

function run(words: readonly string[], env: Record<string, string> = {}): SpawnSyncReturns<string> {
  return spawnSync(process.execPath, [vexctl, ...words], {
    encoding: 'utf8',
    timeout: 20_000,
    cwd: scratch,
    env: { ...process.env, ...env },
  });
}

function file(name: string, content: string): string {
  writeFileSync(join(scratch, name), content);
  return name;
}

file('plain', 'no vectors');
file('two.csv', '1,2\n3,4\n');

test('--help lists every command and every exit code, on standard output', (t) => {
  const { status, stdout, stderr } = run(['--help']);
  t.is(status, 0);
  t.is(stderr, '');
  for (const command of commands) t.regex(stdout, new RegExp(`vexctl ${command}\\b`));
  for (const code of exitCodes) t.regex(stdout, new RegExp(`^ +${code} {2}\\S`, 'm'));
});

test('every command has help of its own with an example that begins with vexctl', (t) => {
  for (const command of commands) {
    const { status, stdout } = run([command, '--help']);
    t.is(status, 0, command);
    t.regex(stdout, new RegExp(`^vexctl ${command} `), command);
    t.regex(stdout, /Examples:\n.*vexctl /, command);
  }
});

test('the manual page names every option of every command, and every exit code', (t) => {
  const text = readFileSync(manual, 'utf8');
  for (const command of commands) {
    t.true(text.includes(`vexctl ${command}`), command);
    for (const [option] of run([command, '--help']).stdout.matchAll(/--[a-z][a-z-]+/g)) {
      t.true(text.includes(`\`${option}`), `${command} ${option} is missing in docs/vexctl.md`);
    }
  }
  for (const code of exitCodes) t.regex(text, new RegExp(`^\\| ${code} \\|`, 'm'));
});

test('--version is that of the package', (t) => {
  const text = readFileSync(join(vexctl, '../../package.json'), 'utf8');
  t.is(run(['--version']).stdout.trim(), (JSON.parse(text) as { version: string }).version);
});

for (const [words, reason] of [
  [[], /Name a command/],
  [['inset', 'a', 'b'], /Did you mean insert/],
  [['create', 'new'], /dimensions/],
  [['create', 'new', '-d', 'abc'], /--dimensions takes a whole number from 1 to 65536/],
  [['create', 'new', '-d', '0'], /--dimensions/],
  [['create', 'new', '-d', '4', '--type', 'int4'], /int4/],
  [['create', 'new', '-d', '4', '--align', '8192'], /--align takes/],
  [['info', 'plain', '--bogus'], /bogus/],
  [['info', 'plain', 'extra'], /extra/],
  [['search', 'plain', '[1]', '-k', '0'], /--top-k takes a whole number from 1 to 10000/],
  [['search', 'plain', '[1]', '--metric', 'manhattan'], /manhattan/],
  [['insert', 'plain', 'two.csv', '--overwrite', '--validate'], /mutually exclusive/],
  [['insert', 'plain', 'two.csv', '--batch', '0'], /--batch/],
  [['insert', 'plain', 'two.csv', '--skip', '-1'], /--skip/],
  [['insert', 'plain', 'two.csv', '--skip'], /following: skip/],
  [['insert', 'plain', 'two.csv', '--ids'], /following: ids/],
  [['search', 'plain', '[1]', '-k'], /following: k/],
  [['search', 'plain', '[1]', '-m', '--json=false'], /following: m/],
  [['index', 'create', 'plain', '--M'], /following: M/],
  [['insert', 'plain', 'x.npy', '--ids', 'id'], /no columns or keys/],
  [['get', 'plain', '-1'], /'-1' is no id/],
  [['get', 'plain', '18446744073709551615'], /no id/],
  [['get', 'plain'], /name the ids/],
  [['delete', 'plain'], /name the ids/],
  [['delete', 'plain', '1', '--ids', 'ids.txt'], /name the ids/],
  [['delete', 'plain', '1', 'two'], /'two' is no id/],
  [['completion', 'fish'], /fish/],
] as const) {
  test(`vexctl ${words.join(' ')} is a usage error: exit 2, a reason, and where to read on`, (t) => {
    const { status, stdout, stderr } = run(words);
    t.is(status, 2, stderr);
    t.is(stdout, '');
    t.regex(stderr, reason);
    t.regex(stderr, /--help/);
    t.notRegex(stderr, /\.js:\d/, 'a stack trace is no message');
    t.false(existsSync(join(scratch, 'new')));
  });
}

test('a file that is not on a VexFS volume is exit 4 for every command, with what to do next', (t) => {
  for (const words of [
    ['create', 'fresh', '-d', '2'],
    ['create', 'plain', '-d', '2'],
    ['insert', 'plain', 'two.csv'],
    ['insert', 'fresh', 'two.csv', '--create'],
    ['search', 'plain', '[1, 2]'],
    ['search', 'plain', 'row:1'],
    ['search', 'plain', 'two.csv'],
    ['get', 'plain', '1'],
    ['get', 'plain', '1', '2'],
    ['delete', 'plain', '1'],
    ['info', 'plain'],
    ['stats', 'plain'],
  ]) {
    const { status, stdout, stderr } = run(words);
    t.is(status, 4, `${words.join(' ')}: ${stderr}`);
    t.is(stdout, '');
    t.regex(stderr, /ENOTTY.*not lie on a mounted VexFS volume/);
    t.regex(stderr, /findmnt/);
  }
  t.false(existsSync(join(scratch, 'fresh')), 'a file that could not become a vector file stays behind');
  t.is(readFileSync(join(scratch, 'plain'), 'utf8'), 'no vectors');
});

test('a missing vector file is exit 1 and points to create', (t) => {
  const { status, stderr } = run(['info', 'missing']);
  t.is(status, 1);
  t.regex(stderr, /missing: ENOENT: There is no such file\.\n.*vexctl create/);
});

test('a source that is missing, unknown or malformed is exit 5 and names the place', (t) => {
  file('words.csv', 'x,y\n1,two\n');
  file('rows.txt', '1 2\n');
  for (const [source, reason] of [
    ['missing.npy', /ENOENT.*missing\.npy/],
    ['rows.txt', /rows\.txt: '\.txt' is no known format/],
    ['words.csv', /words\.csv, line 2: column 1 is 'two', no number/],
  ] as const) {
    const { status, stderr } = run(['insert', 'plain', source, '--create']);
    t.is(status, 5, stderr);
    t.regex(stderr, reason);
  }
});

test('with --json a failure is one object on standard error that a script can branch on', (t) => {
  const { status, stdout, stderr } = run(['stats', 'plain', '--json']);
  t.is(status, 4);
  t.is(stdout, '');
  const { error } = JSON.parse(stderr) as { error: Record<string, unknown> };
  t.is(error.code, 'ENOTTY');
  t.is(error.exit, 4);
  t.regex(String(error.message), /plain/);
  t.regex(String(error.advice), /findmnt/);
});

test('bash completes commands, options and the values of an option', (t) => {
  const script = [
    `vexctl() { '${process.execPath}' '${vexctl}' "$@"; }`,
    'source <(vexctl completion bash)',
    'ask() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _vexctl',
    `echo "\${COMPREPLY[*]}"; }`,
    'ask vexctl s',
    'ask vexctl search a b --metric co',
    'ask vexctl create a --di',
    'complete -p vexctl',
  ].join('\n');
  const { stdout, stderr } = spawnSync('bash', ['-c', script], {
    encoding: 'utf8',
    timeout: 30_000,
    cwd: scratch,
  });
  const [words, values, options, registered] = stdout.split('\n');
  t.is(words, 'search stats', stderr);
  t.is(values, 'cosine');
  t.is(options, '--dimensions');
  t.regex(registered ?? '', /-o default.*_vexctl vexctl/);
});

test('completion prints for the shell that was named, or for the one in SHELL', (t) => {
  t.regex(run(['completion', 'zsh']).stdout, /^#compdef vexctl/);
  t.regex(run(['completion'], { SHELL: '/usr/bin/zsh' }).stdout, /^#compdef vexctl/);
  t.regex(run(['completion'], { SHELL: '/bin/sh' }).stdout, /^complete /m);
  const zsh = run(['--get-yargs-completions', 'vexctl', ''], { SHELL: 'zsh' }).stdout;
  t.regex(zsh, /^search:Find the rows/m, 'zsh shows descriptions behind a colon');
});

test('a reader that stops early, such as head, is no failure', (t) => {
  const script = `'${process.execPath}' '${vexctl}' --help | head -n 1; echo "\${PIPESTATUS[0]}"`;
  const { stdout, stderr } = spawnSync('bash', ['-c', script], { encoding: 'utf8', timeout: 20_000 });
  t.is(stdout, 'vexctl COMMAND ...\n0\n');
  t.is(stderr, '');
});

test('results that a full disk does not take are a failure, and a message that nobody takes is none of its own', (t) => {
  const script = [
    `'${process.execPath}' '${vexctl}' --help > /dev/full; echo $?`,
    `'${process.execPath}' '${vexctl}' info plain 2> /dev/full; echo $?`,
    `'${process.execPath}' '${vexctl}' info plain 2>&1 | true; echo "\${PIPESTATUS[0]}"`,
  ].join('\n');
  const { stdout, stderr } = spawnSync('bash', ['-c', script], {
    encoding: 'utf8',
    timeout: 30_000,
    cwd: scratch,
  });
  t.is(stdout, '1\n4\n4\n');
  t.is(stderr, 'vexctl: the results were not written: ENOSPC\n');
});
