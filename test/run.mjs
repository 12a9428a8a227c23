// What `npm test` runs once everything is built:
//   node test/run.mjs [STAGE | STAGE/FOLDER]...     (npm test -- unit, npm test -- unit/engine parity)
// Without arguments every stage runs that needs no guests; `npm run test:kernel` names those. The last line says
// "N passed, N failed"; the exit code is 0 only when something ran and nothing failed. No mount, process or loop device
// outlives a stage: what does is ended and counts as failed. The stages `kernel` and `parity-kernel` run beside each other.
// With --sanitize guests run a kernel that checks what it does (test/vm/sanitizing_kernel.ts), and the tests of
// test/kernel/hostile are long: `npm run test:kernel -- --sanitize`.
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fuseProblem } from '../tools/setup/fuse_device.mjs';
import { clearLeftovers } from './run/leftovers.mjs';
import { endRunning, runCommand } from './run/processes.mjs';
import { groupStages, ROOT, selectStages, stageCommand } from './run/stages.mjs';
import { TestOutput } from './run/test_output.mjs';

const HEARTBEAT_MS = 30_000;
const total = { passed: 0, failed: 0 };
/** Of the stages that are running. */
const runs = new Set();

function say(stage, text) {
  console.log(`${stage.padEnd(10)} ${text}`);
}

/**
 * What tells a stage from others that run beside it: an id in the environment of its processes, and a folder for their files,
 * which goes when `work` is done.
 */
async function withRun(stage, variables, work) {
  const folder = mkdtempSync(join(tmpdir(), 'vexfs-test-'));
  // It stands for /tmp, which other users reach too: some tests work as one.
  chmodSync(folder, 0o1777);
  const id = `${process.pid}-${Date.now()}-${stage.name}`;
  const run = { id, folder, env: { ...variables, TMPDIR: folder, VEXFS_TEST_RUN: id } };
  runs.add(run);
  try {
    await work(run);
  } finally {
    runs.delete(run);
    rmSync(folder, { recursive: true, force: true });
  }
}

/** `margin` stands before what the tests print. */
async function runStage(stage, run, margin) {
  const command = stageCommand(stage);
  const output = new TestOutput((line) => console.log(`${margin.padEnd(10)} ${line}`));
  const start = performance.now();
  const heartbeat = setInterval(() => say(stage.name, `${output.passed} passed so far ...`), HEARTBEAT_MS);
  const ended = await runCommand(command, {
    env: run.env,
    minutes: stage.minutes,
    onLine: (line) => output.add(line),
  });
  clearInterval(heartbeat);
  output.end(ended);
  for (const sentence of await clearLeftovers(run)) output.fail(sentence);
  total.passed += output.passed;
  total.failed += output.failed;
  const skipped = output.skipped > 0 ? `, ${output.skipped} skipped` : '';
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  say(stage.name, `${output.passed} passed, ${output.failed} failed${skipped} (${seconds} s)`);
}

/** Kernels that take long to build are built before a test waits for them. */
async function prepareGuests(env) {
  say('guests', 'a kernel that sanitizes is built where there is none: ten minutes of two processors');
  const command = { program: process.execPath, args: ['test/dist/vm/prepare.js'], cwd: ROOT };
  const ended = await runCommand(command, { env, minutes: 120, onLine: () => {} });
  if (ended !== undefined) throw new Error(`guests cannot be prepared: it ${ended}`);
}

async function main(all) {
  const sanitizes = all.includes('--sanitize');
  const words = all.filter((word) => word !== '--sanitize');
  const stages = selectStages(words, { sanitizes });
  const noMount = fuseProblem();
  const variables = {
    ...(noMount === undefined ? {} : { VEXFS_NO_MOUNT: noMount }),
    ...(sanitizes ? { VEXFS_SANITIZE: '1' } : {}),
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.once(signal, async () => {
      console.error('interrupted: ending what is running');
      endRunning();
      for (const run of runs) {
        await clearLeftovers(run, 0);
        rmSync(run.folder, { recursive: true, force: true });
      }
      process.exit(130);
    });
  }
  if (sanitizes) await prepareGuests(variables);
  for (const group of groupStages(stages)) {
    await Promise.all(
      group.map(async (stage) => {
        if (stage.absent) say(stage.name, 'absent');
        else if (stage.mounts && noMount !== undefined) say(stage.name, `not run: ${noMount}`);
        else
          await withRun(stage, variables, (run) => runStage(stage, run, group.length > 1 ? stage.name : ''));
      }),
    );
  }
  console.log(`\n${total.passed} passed, ${total.failed} failed`);
  process.exitCode = total.failed > 0 || total.passed === 0 ? 1 : 0;
}

main(process.argv.slice(2)).catch((error) => {
  console.error(error.usage ? error.message : error);
  process.exitCode = error.usage ? 2 : 1;
});
