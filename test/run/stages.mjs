import { existsSync, readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/**
 * In the order they run, cheap ones first. `minutes` is the time limit; `mounts` says that it needs /dev/fuse; `needs` is
 * the file without which it is absent. Stages without a command are folders of tests beside this one. Those with
 * `guests` run when they are named: kernels and their sources are fetched for them. Those with `beside` run beside each other
 * when they follow each other: each waits for much else than a processor.
 */
const STAGES = [
  {
    name: 'lint',
    minutes: 2,
    needs: 'biome.json',
    command: ['node_modules/.bin/biome', 'check', '--error-on-warnings', '--colors=off', '.'],
  },
  {
    name: 'headers',
    minutes: 1,
    needs: 'shared/generate.ts',
    command: [process.execPath, 'shared/dist/generate.js', '--check'],
  },
  {
    name: 'engine',
    minutes: 10,
    needs: 'kernel/engine/Makefile',
    command: ['make', '--no-print-directory', '-C', 'kernel/engine', `-j${availableParallelism()}`, 'test'],
  },
  { name: 'unit', minutes: 10, mounts: false },
  { name: 'fuzz', minutes: 15, mounts: false },
  { name: 'parity', minutes: 20, mounts: true },
  { name: 'crash', minutes: 20, mounts: true },
  // Kernels are fetched, and modules built for them, before the first test; every guest has a limit of its own.
  { name: 'kernel', minutes: 30, mounts: true, guests: true, beside: true, idle: '15m' },
  {
    name: 'parity-kernel',
    minutes: 30,
    guests: true,
    beside: true,
    needs: 'test/parity/guest/main.ts',
    command: [process.execPath, 'test/dist/parity/guest/main.js'],
  },
  {
    name: 'matrix',
    minutes: 120,
    guests: true,
    needs: 'test/kernel/matrix/main.ts',
    command: [process.execPath, 'test/dist/kernel/matrix/main.js'],
  },
];

/** What guests of a kernel that sanitizes take more of, tests of all sizes together. */
const SLOWER = 20;

/** Compiled test files below test/`folder`, by their sources: compiled ones whose source is gone are not run. */
function testFiles(folder) {
  const path = join(ROOT, 'test', folder);
  if (!existsSync(path)) return [];
  return readdirSync(path, { recursive: true })
    .filter((name) => name.endsWith('.test.ts'))
    .sort()
    .map((name) => join('dist', folder, name.replace(/\.ts$/, '.js')));
}

class UsageError extends Error {
  usage = true;
}

/**
 * The stages that the words name, or all that need no guests; each with `files` when it consists of test files, and
 * `absent` when there is nothing to run. Throws an error with `usage` set for a word that names nothing.
 */
export function selectStages(words, { sanitizes = false } = {}) {
  // `npm run test:kernel -- --matrix`: instead of the stages that the script names.
  if (words.includes('--matrix')) return selectStages(['matrix']);
  const chosen =
    words.length > 0 ? words : STAGES.filter((stage) => !stage.guests).map((stage) => stage.name);
  return chosen.map((word) => {
    const known = STAGES.find((each) => each.name === word.split('/')[0]);
    const stage =
      sanitizes && known?.guests ? { ...known, minutes: known.minutes * SLOWER, idle: '60m' } : known;
    if (stage === undefined) {
      throw new UsageError(`no stage ${word}: there are ${STAGES.map((each) => each.name).join(', ')}`);
    }
    if (stage.command !== undefined) return { ...stage, absent: !existsSync(join(ROOT, stage.needs)) };
    const files = testFiles(word);
    if (words.length > 0 && files.length === 0)
      throw new UsageError(`${word}: there are no tests in test/${word}`);
    return { ...stage, name: word, files, absent: files.length === 0 };
  });
}

/** Stages that run beside each other, in the order of their groups. */
export function groupStages(stages) {
  const groups = [];
  for (const stage of stages) {
    if (stage.beside && groups.at(-1)?.at(-1).beside) groups.at(-1).push(stage);
    else groups.push([stage]);
  }
  return groups;
}

/** What runs the stage: program, arguments and folder. */
export function stageCommand(stage) {
  if (stage.command !== undefined) {
    const [program, ...args] = stage.command;
    return { program, args, cwd: ROOT };
  }
  const words = ['--tap', ...(stage.idle === undefined ? [] : [`--timeout=${stage.idle}`])];
  return { program: 'node_modules/.bin/ava', args: [...words, ...stage.files], cwd: join(ROOT, 'test') };
}
