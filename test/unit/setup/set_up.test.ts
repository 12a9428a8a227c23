import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';

const root = fileURLToPath(new URL('../../../../', import.meta.url));
const load = (name: string) => import(`${root}tools/setup/${name}.mjs`);
const { nodeProblem } = await load('node_version');
const { installCommand, missingPackages, provideSystemPackages, SYSTEM_PACKAGES } =
  await load('system_packages');
const { librariesFingerprint, librariesInstalled } = await load('libraries');
const { removeStaleOutput } = await load('build');
const { runStep } = await load('commands');

const rootTest = process.getuid?.() === 0 ? test : test.skip;

function write(folder: string, files: Record<string, string>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
}

function workspace(t: { teardown(end: () => void): void }): string {
  const folder = mkdtempSync(join(tmpdir(), 'set-up-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  write(folder, {
    'package.json': JSON.stringify({ packageManager: 'pnpm@10.0.0', devDependencies: { left: '1.0.0' } }),
    'pnpm-lock.yaml': 'lockfileVersion: 9\n',
    'pnpm-workspace.yaml': 'packages: [inner]\n',
    'node_modules/left/package.json': '{}',
    'inner/package.json': JSON.stringify({ dependencies: { right: '2.0.0' } }),
    'inner/node_modules/right/package.json': '{}',
  });
  return folder;
}

test('a Node that is too old is refused with a sentence, the oldest supported one and newer ones are not', (t) => {
  for (const old of ['18.20.4', '20.0.0', '20.18.3']) {
    t.is(
      nodeProblem(old),
      `VexFS needs Node 20.19 or newer, and this is ${old}: install a current release and try again.`,
    );
  }
  for (const good of ['20.19.0', '20.20.2', '21.0.0', '22.20.0', '100.1.0'])
    t.is(nodeProblem(good), undefined);
});

test('the oldest Node that the set-up accepts is the one that package.json names', (t) => {
  const { engines } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  t.is(engines.node, '>=20.19');
});

test('a package counts as missing when neither its command nor its file is there', (t) => {
  const there = { name: 'a', purpose: 'test', why: '', file: '/proc/self/status' };
  const command = { name: 'b', purpose: 'test', why: '', command: 'sh' };
  const noFile = { name: 'c', purpose: 'test', why: '', file: '/proc/self/no-such-file' };
  const noCommand = { name: 'd', purpose: 'test', why: '', command: 'no-such-command-anywhere' };
  t.deepEqual(missingPackages([there, noFile, command, noCommand]), [noFile, noCommand]);
  t.is(installCommand([noFile, noCommand]), 'apt-get install --no-install-recommends c d');
});

test('every system package says why it is needed and how it is recognised', (t) => {
  for (const entry of SYSTEM_PACKAGES) {
    t.true(entry.why.length > 0, entry.name);
    t.true(['build', 'mount', 'test'].includes(entry.purpose), entry.name);
    t.is((entry.command === undefined ? 0 : 1) + (entry.file === undefined ? 0 : 1), 1, entry.name);
  }
});

test.serial('where nothing may be installed the exact command is printed and the set-up goes on', (t) => {
  const absent = {
    name: 'no-such-package',
    purpose: 'test',
    why: 'for this test',
    command: 'no-such-command-anywhere',
  };
  const lines: string[] = [];
  const { log } = console;
  const before = process.env.VEXFS_SETUP_APT;
  t.teardown(() => {
    console.log = log;
    if (before === undefined) delete process.env.VEXFS_SETUP_APT;
    else process.env.VEXFS_SETUP_APT = before;
  });
  process.env.VEXFS_SETUP_APT = 'no';
  console.log = (line: string) => lines.push(line);
  t.deepEqual(provideSystemPackages(root, [absent]), [absent]);
  t.regex(lines[0] ?? '', /missing {2}no-such-package +for this test/);
  t.regex(lines[1] ?? '', /run `apt-get install --no-install-recommends no-such-package` as root\.$/);
});

rootTest(
  'as root, missing packages are installed after the lists were refreshed, and what still lacks is told',
  (t) => {
    const folder = workspace(t);
    // Stands where apt-get does on the PATH: it installs the first program it is asked for, and no other.
    write(folder, {
      'bin/apt-get': `#!/bin/sh
echo "$DEBIAN_FRONTEND $*" >>"${folder}/calls"
case "$*" in *" install "*) printf '#!/bin/sh\\n' >"${folder}/bin/first-program"; chmod +x "${folder}/bin/first-program";; esac
`,
    });
    chmodSync(join(folder, 'bin/apt-get'), 0o755);
    const script = `
    import { provideSystemPackages } from '${root}tools/setup/system_packages.mjs';
    const entry = (name) => ({ name, purpose: 'test', why: 'for this test', command: name + '-program' });
    const left = provideSystemPackages('/', [entry('first'), entry('second')]);
    console.log(JSON.stringify(left.map((each) => each.name)));`;
    const { VEXFS_SETUP_APT, ...env } = process.env;
    const result = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      env: { ...env, PATH: `${folder}/bin:${env.PATH}` },
      encoding: 'utf8',
    });
    t.is(result.stdout.trim().split('\n').at(-1), '["second"]', result.stderr);
    t.deepEqual(readFileSync(join(folder, 'calls'), 'utf8').trim().split('\n'), [
      'noninteractive --yes --quiet -o DPkg::Lock::Timeout=120 update',
      'noninteractive --yes --quiet -o DPkg::Lock::Timeout=120 install --no-install-recommends first second',
    ]);
  },
);

test('libraries count as installed only with a stamp that matches and every library in its place', (t) => {
  const folder = workspace(t);
  const fingerprint = librariesFingerprint(folder);
  t.false(librariesInstalled(folder, fingerprint), 'without a stamp');
  write(folder, { 'node_modules/.vexfs-setup': fingerprint });
  t.true(librariesInstalled(folder, fingerprint));
  rmSync(join(folder, 'inner/node_modules/right'), { recursive: true });
  t.false(librariesInstalled(folder, fingerprint), 'with a library gone');
  symlinkSync('../../gone', join(folder, 'inner/node_modules/right'));
  t.false(librariesInstalled(folder, fingerprint), 'with a link that leads nowhere');
});

test('another lock file or another dependency asks for a new installation, another script does not', (t) => {
  const folder = workspace(t);
  const first = librariesFingerprint(folder);
  write(folder, {
    'inner/package.json': JSON.stringify({ scripts: { x: 'y' }, dependencies: { right: '2.0.0' } }),
  });
  t.is(librariesFingerprint(folder), first);
  write(folder, { 'inner/package.json': JSON.stringify({ dependencies: { right: '2.0.1' } }) });
  const second = librariesFingerprint(folder);
  t.not(second, first);
  write(folder, { 'pnpm-lock.yaml': 'lockfileVersion: 10\n' });
  t.not(librariesFingerprint(folder), second);
});

test('compiled files go when their source has gone, and no others do', (t) => {
  const folder = workspace(t);
  write(folder, {
    'inner/kept.ts': '',
    'inner/dist/kept.js': '',
    'inner/dist/kept.d.ts': '',
    'inner/dist/tsconfig.tsbuildinfo': '',
    'inner/dist/deep/gone.test.js': '',
    'inner/dist/deep/gone.test.js.map': '',
    'inner/dist/deep/gone.test.d.ts': '',
  });
  t.is(removeStaleOutput(folder), 1);
  for (const name of ['kept.js', 'kept.d.ts', 'tsconfig.tsbuildinfo']) {
    t.notThrows(() => readFileSync(join(folder, 'inner/dist', name)));
  }
  for (const name of ['gone.test.js', 'gone.test.js.map', 'gone.test.d.ts']) {
    t.throws(() => readFileSync(join(folder, 'inner/dist/deep', name)), { code: 'ENOENT' });
  }
});

test('a step that fails shows what its command printed and how it ended', (t) => {
  const failing = ['sh', '-c', 'echo to output; echo to errors >&2; exit 7'];
  const error = t.throws(() => runStep('building', failing, { cwd: root }));
  t.regex(error?.message ?? '', /to output\nto errors\n\nbuilding: `sh -c .*` ended with exit code 7\.$/s);
  const slow = t.throws(() => runStep('building', ['sleep', '60'], { cwd: root, minutes: 0.001 }));
  t.regex(slow?.message ?? '', /`sleep 60` had not ended after 0\.001 minutes\.$/);
  const absent = t.throws(() => runStep('building', ['no-such-command-anywhere'], { cwd: root }));
  t.regex(absent?.message ?? '', /could not be started/);
});

test('the lock file and the settings of npm name no registry', (t) => {
  for (const name of ['pnpm-lock.yaml', 'pnpm-workspace.yaml', '.npmrc']) {
    t.notRegex(readFileSync(join(root, name), 'utf8'), /https?:|registry|tarball/i, name);
  }
});
