// What the measurements need beyond the set-up of the tests: packages, and the programs in C, compiled into test/dist.
// With --kernel only what those of the kernel module need.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { report, runStep, StepError } from '../../tools/setup/commands.mjs';
import { fuseProblem } from '../../tools/setup/fuse_device.mjs';
import { installCommand, provideSystemPackages } from '../../tools/setup/system_packages.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const EXAMPLES = '/usr/share/doc/libfuse3-dev/examples';

const PACKAGES = [
  {
    name: 'libfuse3-dev',
    why: 'the C server that VexFS is compared with, and passthrough_ll',
    file: '/usr/include/fuse3/fuse_lowlevel.h',
  },
  { name: 'g++', why: 'compiles C++ hnswlib', command: 'g++' },
  { name: 'pkg-config', why: 'compiles against libfuse3', command: 'pkg-config' },
  { name: 'findutils', why: 'lists folders', command: 'find' },
  { name: 'tar', why: 'unpacks a source tree', command: 'tar' },
];

/** What each program is compiled with, in words of gcc; sources are relative to test/bench/load. */
const PROGRAMS = [
  { name: 'client', source: 'client.c', words: ['-O2'] },
  { name: 'stream', source: 'stream.c', words: ['-O2'] },
  { name: 'names', source: 'names.c', words: ['-O2'] },
  { name: 'rows', source: 'rows.c', words: ['-O2'] },
  { name: 'queries', source: 'queries.c', words: ['-O2'] },
  { name: 'scan', source: 'scan.c', words: ['-O3', '-march=native'], engine: true },
  { name: 'peer', source: 'peer.c', words: ['-O2'], fuse: true },
  { name: 'passthrough_ll', source: `${EXAMPLES}/passthrough_ll.c`, words: ['-O2', '-w'], fuse: true },
];

/** Other libraries of vectors, with a lock file of their own: nothing of VexFS depends on them. */
const PEERS = join(ROOT, 'test/bench/index/peers');
const HNSWLIB = join(PEERS, 'node_modules/hnswlib-node/src');
const INDEX_LOAD = join(ROOT, 'test/bench/index/load');

const FUSE = ['-I/usr/include/fuse3', '-D_FILE_OFFSET_BITS=64', '-lfuse3', '-lpthread'];

/** Installs exactly what the peers' lock file names; two of them are compiled, which takes a minute or two. */
function providePeers() {
  const stamp = join(PEERS, 'node_modules/.vexfs-setup');
  const hash = createHash('sha256').update(`${process.versions.modules} ${process.arch}\n`);
  for (const name of ['package.json', 'pnpm-lock.yaml']) hash.update(readFileSync(join(PEERS, name)));
  const wanted = hash.digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) {
    report('peers', 'unchanged');
    return;
  }
  const { packageManager } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const words = ['install', '--frozen-lockfile', '--ignore-workspace'];
  const seconds = runStep('peers', ['npx', '--yes', packageManager, ...words], {
    cwd: PEERS,
    env: { CI: 'true' },
  });
  writeFileSync(stamp, wanted);
  report('peers', `installed in ${seconds.toFixed(1)} s`);
}

/** The index beside C++ hnswlib, whose headers hnswlib-node ships. */
function compileIndexBench() {
  const engine = join(ROOT, 'kernel/engine');
  const output = join(ROOT, 'test/dist/bench/programs/index_bench');
  const headers = ['vexfs_engine.h', 'vexfs_index.h', 'host.h', 'host_index.h', 'build/libvexfs_engine.so'];
  const sources = [
    ...readdirSync(INDEX_LOAD).map((name) => join(INDEX_LOAD, name)),
    ...headers.map((name) => join(engine, name)),
    join(HNSWLIB, 'hnswlib/hnswalg.h'),
  ];
  if (isNewer(output, sources)) {
    report('index', 'unchanged');
    return;
  }
  const command = [
    ...['g++', '-std=c++17', '-O3', '-march=native', '-Wall', '-Wextra'],
    ...['-I', engine, '-isystem', HNSWLIB, '-o', output, join(INDEX_LOAD, 'index_bench.cpp')],
    ...[`-L${engine}/build`, '-lvexfs_engine', `-Wl,-rpath,${engine}/build`],
  ];
  report('index', `compiled in ${runStep('index', command, { cwd: ROOT }).toFixed(1)} s`);
}

function compile(programs) {
  const folder = join(ROOT, 'test/dist/bench/programs');
  mkdirSync(folder, { recursive: true });
  const engine = join(ROOT, 'kernel/engine/build');
  let seconds = 0;
  let compiled = 0;
  for (const { name, source, words, engine: withEngine, fuse } of programs) {
    const path = source.startsWith('/') ? source : join(ROOT, 'test/bench/load', source);
    const output = join(folder, name);
    if (isNewer(output, [path, join(ROOT, 'test/bench/load/clock.h'), join(engine, 'libvexfs_engine.so')]))
      continue;
    const libraries = [
      ...(withEngine ? [`-L${engine}`, '-lvexfs_engine', `-Wl,-rpath,${engine}`] : []),
      ...(fuse ? FUSE : []),
    ];
    const command = ['gcc', '-std=gnu11', '-Wall', '-Wextra', ...words, '-o', output, path, ...libraries];
    seconds += runStep('load', command, { cwd: ROOT });
    compiled++;
  }
  report('load', compiled === 0 ? 'unchanged' : `${compiled} programs compiled in ${seconds.toFixed(1)} s`);
}

function isNewer(output, sources) {
  const time = (path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs;
  const made = time(output);
  return made !== undefined && sources.every((path) => (time(path) ?? Number.POSITIVE_INFINITY) < made);
}

/** Guests are measured in: nothing of the machine but a compiler is needed. */
const KERNEL_PROGRAMS = ['client', 'stream', 'names', 'rows'];

function prepare() {
  if (process.argv.includes('--kernel')) {
    compile(PROGRAMS.filter(({ name }) => KERNEL_PROGRAMS.includes(name)));
    return;
  }
  if (process.getuid() !== 0)
    throw new StepError('bench', 'bench: mounting ext4 beside FUSE fairly needs root: run it as root.');
  const problem = fuseProblem();
  if (problem !== undefined) throw new StepError('fuse', `fuse: ${problem}`);
  const missing = provideSystemPackages(ROOT, PACKAGES);
  if (missing.length > 0) throw new StepError('packages', `bench: run \`${installCommand(missing)}\` first.`);
  compile(PROGRAMS);
  providePeers();
  compileIndexBench();
}

try {
  prepare();
} catch (error) {
  console.error(error.step === undefined ? error : error.message);
  process.exitCode = 1;
}
