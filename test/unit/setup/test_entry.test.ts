import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';

const root = fileURLToPath(new URL('../../../../', import.meta.url));
const load = (name: string) => import(`${root}test/run/${name}.mjs`);
const { TestOutput } = await load('test_output');
const { clearLeftovers } = await load('leftovers');
const { runCommand } = await load('processes');
const { groupStages, selectStages } = await load('stages');
const mountTest = process.getuid?.() === 0 && process.env.VEXFS_NO_MOUNT === undefined ? test : test.skip;

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

function read(text: string, ended?: string): { counts: Counts; shown: string[] } {
  const shown: string[] = [];
  const output = new TestOutput((line: string) => shown.push(line));
  for (const line of text.split('\n')) output.add(line);
  output.end(ended);
  return { counts: { passed: output.passed, failed: output.failed, skipped: output.skipped }, shown };
}

/** The letter of proc_pid_stat(5), or `absent`; Z is a dead process that nobody has waited for. */
function stateOf(pid: string): string {
  try {
    return /\) (\S)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1] ?? 'unknown';
  } catch {
    return 'absent';
  }
}

function runEntry(words: string[]) {
  return spawnSync(process.execPath, [join(root, 'test/run.mjs'), ...words], {
    encoding: 'utf8',
    timeout: 100_000,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

test('TAP results are counted, failures shown with their details, and skipped ones are not passed ones', (t) => {
  const { counts, shown } = read(
    [
      'TAP version 13',
      'ok 1 - first',
      '# printed by a test: 5 passed, 5 failed',
      'not ok 2 - second',
      '  ---',
      '    message: 0 passed, 1 failed',
      '  ...',
      'ok 3 - third # SKIP',
      'ok 4 - fourth',
      '',
      '1..4',
      '# fail 1',
    ].join('\n'),
    'ava ended with exit code 1',
  );
  t.deepEqual(counts, { passed: 2, failed: 1, skipped: 1 });
  t.deepEqual(shown, [
    'not ok 2 - second',
    '  ---',
    '    message: 0 passed, 1 failed',
    '  ...',
    'skipped: third',
  ]);
});

test('summary lines of several suites add up', (t) => {
  const { counts } = read(
    'distance: 40 passed, 0 failed\nids: 2 passed, 1 failed',
    'make ended with exit code 2',
  );
  t.deepEqual(counts, { passed: 42, failed: 1, skipped: 0 });
});

test('a command without results is one check, and shows its output when it fails', (t) => {
  t.deepEqual(read('Checked 40 files').counts, { passed: 1, failed: 0, skipped: 0 });
  const { counts, shown } = read('line 3: bad', 'biome ended with exit code 1');
  t.deepEqual(counts, { passed: 0, failed: 1, skipped: 0 });
  t.deepEqual(shown, ['line 3: bad', 'failed: biome ended with exit code 1']);
});

test('a suite that dies after tests that passed has failed', (t) => {
  t.deepEqual(read('ok 1 - first', 'ava ended with SIGSEGV').counts, { passed: 1, failed: 1, skipped: 0 });
  t.deepEqual(read('ok 1 - first', 'ava ended with exit code 1').counts, {
    passed: 1,
    failed: 1,
    skipped: 0,
  });
});

test('a command that does not end is killed with everything it started', async (t) => {
  const lines: string[] = [];
  const ended = await runCommand(
    { program: 'sh', args: ['-c', 'sleep 300 & echo $!; wait'], cwd: root },
    { env: {}, minutes: 0.01, onLine: (line: string) => lines.push(line) },
  );
  t.is(ended, 'did not end within 0.01 minutes');
  t.regex(lines[0] ?? '', /^\d+$/);
  t.regex(stateOf(lines[0] ?? ''), /^(?:Z|absent)$/, `process ${lines[0]}`);
});

test('a command that leaves a process holding its output does not keep the run waiting', async (t) => {
  const command = { program: 'sh', args: ['-c', 'setsid sleep 300 & echo done'], cwd: root };
  const id = `waiting-${process.pid}`;
  const ended = await runCommand(command, { env: { VEXFS_TEST_RUN: id }, minutes: 1, onLine: () => {} });
  t.is(ended, undefined);
  const sentences = await clearLeftovers({ id, folder: '/nowhere' }, 0);
  t.is(sentences.length, 1);
  t.regex(sentences[0], /^a process was left behind: \d+ \(sleep 300\)$/);
});

test('a process that was left behind is named and ended, another run keeps its own', async (t) => {
  const start = (id: string) =>
    spawn('sleep', ['300'], { env: { ...process.env, VEXFS_TEST_RUN: id }, stdio: 'ignore' });
  const mine = start(`mine-${process.pid}`);
  const other = start(`other-${process.pid}`);
  t.teardown(() => other.kill('SIGKILL'));
  const gone = new Promise((resolve) => mine.once('exit', (_code, signal) => resolve(signal)));
  const sentences = await clearLeftovers({ id: `mine-${process.pid}`, folder: '/nowhere' }, 0);
  t.deepEqual(sentences, [`a process was left behind: ${mine.pid} (sleep 300)`]);
  t.is(await gone, 'SIGTERM');
  t.is(other.exitCode ?? other.signalCode, null);
});

mountTest("a mount below the run's folder is named and unmounted", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'left over-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const target = join(folder, 'here and there');
  mkdirSync(target);
  t.is(spawnSync('mount', ['-t', 'tmpfs', 'none', target]).status, 0);
  const sentences = await clearLeftovers({ id: 'nobody', folder }, 0);
  t.deepEqual(sentences, [`a mount was left behind: ${target} (tmpfs)`]);
  t.false(readFileSync('/proc/self/mounts', 'utf8').includes('here\\040and\\040there'));
});

test('the last line of a run is the sum, alone on its line, and decides the exit code', (t) => {
  const { status, stdout } = runEntry(['headers']);
  const sum = /\n\n(\d+) passed, (\d+) failed\n$/.exec(stdout);
  t.is(Number(sum?.[1]) + Number(sum?.[2]), 1, stdout);
  t.is(status, sum?.[2] === '0' ? 0 : 1, stdout);
});

test('without words the stages run that need no guests; those for the module are named by test:kernel', (t) => {
  const names = (words: string[]): string[] => selectStages(words).map(({ name }: { name: string }) => name);
  t.deepEqual(names([]), ['lint', 'headers', 'engine', 'unit', 'fuzz', 'parity', 'crash']);
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  t.regex(scripts['test:kernel'], / test\/run\.mjs kernel parity-kernel$/);
  t.deepEqual(names(['kernel', 'parity-kernel']), ['kernel', 'parity-kernel']);
});

test('a word that names no stage or no tests ends with usage and exit code 2', (t) => {
  const stage = runEntry(['nonsense']);
  t.is(stage.status, 2);
  t.regex(stage.stderr, /^no stage nonsense: there are lint, headers, engine, unit/);
  const folder = runEntry(['unit/nonsense']);
  t.is(folder.status, 2);
  t.is(folder.stderr, 'unit/nonsense: there are no tests in test/unit/nonsense\n');
});

test('stages that need guests run beside each other, all others after each other', (t) => {
  const groups = (words: string[]): string[][] =>
    groupStages(selectStages(words)).map((group: { name: string }[]) => group.map(({ name }) => name));
  t.deepEqual(groups(['kernel', 'parity-kernel']), [['kernel', 'parity-kernel']]);
  t.deepEqual(groups(['parity-kernel', 'lint', 'kernel']), [['parity-kernel'], ['lint'], ['kernel']]);
  t.true(groups([]).every((group) => group.length === 1));
});
