// What `npm test` runs once everything is built:
//   node test/run.mjs [STAGE | STAGE/FOLDER]...     (npm test -- unit, npm test -- unit/engine parity)
// Without arguments every stage runs that needs no guests; `npm run test:kernel` names those. The last line says
// "N passed, N failed"; the exit code is 0 only when something ran and nothing failed. No mount, process or loop device
// outlives a stage: what does is ended and counts as failed. With --sanitize guests run a kernel that checks what it does
// (test/vm/sanitizing_kernel.ts), and the tests of test/kernel/hostile are long: `npm run test:kernel -- --sanitize`.
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fuseProblem } from '../tools/setup/fuse_device.mjs';
import { clearLeftovers } from './run/leftovers.mjs';
import { endRunning, runCommand } from './run/processes.mjs';
import { ROOT, selectStages, stageCommand } from './run/stages.mjs';
import { TestOutput } from './run/test_output.mjs';

const HEARTBEAT_MS = 30_000;
const total = { passed: 0, failed: 0 };

function say(stage, text) {
  console.log(`${stage.padEnd(10)} ${text}`);
}

async function runStage(stage, run) {
  const command = stageCommand(stage);
  const output = new TestOutput((line) => console.log(`           ${line}`));
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
  const folder = mkdtempSync(join(tmpdir(), 'vexfs-test-'));
  // It stands for /tmp, which other users reach too: some tests work as one.
  chmodSync(folder, 0o1777);
  const noMount = fuseProblem();
  const id = `${process.pid}-${Date.now()}`;
  const env = {
    TMPDIR: folder,
    VEXFS_TEST_RUN: id,
    ...(noMount === undefined ? {} : { VEXFS_NO_MOUNT: noMount }),
    ...(sanitizes ? { VEXFS_SANITIZE: '1' } : {}),
  };
  const run = { id, folder, env };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.once(signal, async () => {
      console.error('interrupted: ending what is running');
      endRunning();
      await clearLeftovers(run, 0);
      rmSync(folder, { recursive: true, force: true });
      process.exit(130);
    });
  }
  try {
    if (sanitizes) await prepareGuests(env);
    for (const stage of stages) {
      if (stage.absent) say(stage.name, 'absent');
      else if (stage.mounts && noMount !== undefined) say(stage.name, `not run: ${noMount}`);
      else await runStage(stage, run);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  console.log(`\n${total.passed} passed, ${total.failed} failed`);
  process.exitCode = total.failed > 0 || total.passed === 0 ? 1 : 0;
}

main(process.argv.slice(2)).catch((error) => {
  console.error(error.usage ? error.message : error);
  process.exitCode = error.usage ? 2 : 1;
});
