import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const GRACE_MS = 5_000;
const POLL_MS = 50;
const COMMAND_MS = 10_000;

/**
 * Ends what a run left behind and returns one sentence for each thing that was left.
 *
 * Whose they are is never guessed: processes by VEXFS_TEST_RUN in their environment, mounts and loop devices by the
 * run's own folder for temporary files, and mounts elsewhere by the command line of a process that was left.
 * @param {{ id: string, folder: string }} run
 * @param {number} graceMs how long processes that are just ending may take
 */
export async function clearLeftovers(run, graceMs = GRACE_MS) {
  const sentences = [];
  const left = await processesAfter(run.id, graceMs);
  for (const { type, target } of mountsOf(run.folder, left)) {
    sentences.push(`a mount was left behind: ${target} (${type})`);
    spawnSync('umount', ['-l', target], { stdio: 'ignore', timeout: COMMAND_MS });
    if (process.getuid() !== 0)
      spawnSync('fusermount3', ['-u', '-z', target], { stdio: 'ignore', timeout: COMMAND_MS });
  }
  for (const { pid, command } of left) {
    sentences.push(`a process was left behind: ${pid} (${command.join(' ')})`);
    signal(pid, 'SIGTERM');
  }
  if (left.length > 0) {
    for (const { pid } of await processesAfter(run.id, GRACE_MS)) signal(pid, 'SIGKILL');
  }
  for (const device of loopDevices(run.folder)) {
    sentences.push(`a loop device was left behind: ${device}`);
    spawnSync('losetup', ['-d', device], { stdio: 'ignore', timeout: COMMAND_MS });
  }
  return sentences;
}

async function processesAfter(id, graceMs) {
  const end = performance.now() + graceMs;
  let left = processesOf(id);
  while (left.length > 0 && performance.now() < end) {
    await sleep(POLL_MS);
    left = processesOf(id);
  }
  return left;
}

/** Living processes that were started with this run's environment. */
export function processesOf(id) {
  const mark = `VEXFS_TEST_RUN=${id}`;
  const found = [];
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    // Each may end at any time, and those of other users cannot be read: neither is ours to clear.
    const environment = readIfThere(`/proc/${name}/environ`);
    if (environment === undefined || !environment.split('\0').includes(mark)) continue;
    const command = (readIfThere(`/proc/${name}/cmdline`) ?? '').split('\0').filter((word) => word !== '');
    if (command.length > 0) found.push({ pid: Number(name), command });
  }
  return found;
}

function mountsOf(folder, left) {
  const words = new Set(left.flatMap((each) => each.command));
  return readFileSync('/proc/self/mounts', 'latin1')
    .split('\n')
    .map((line) => line.split(' '))
    .filter((fields) => fields.length >= 3)
    .map(([, target, type]) => ({ type, target: unescapeOctal(target) }))
    .filter(
      ({ type, target }) => target.startsWith(`${folder}/`) || (/vexfs/.test(type) && words.has(target)),
    )
    .reverse();
}

/** In /proc/self/mounts blanks and backslashes stand as a backslash and three octal digits. */
function unescapeOctal(text) {
  const bytes = text.replace(/\\([0-7]{3})/g, (_, digits) => String.fromCharCode(Number.parseInt(digits, 8)));
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

function loopDevices(folder) {
  const names = readIfFolder('/sys/block').filter((name) => name.startsWith('loop'));
  return names
    .filter((name) => readIfThere(`/sys/block/${name}/loop/backing_file`)?.startsWith(`${folder}/`))
    .map((name) => `/dev/${name}`);
}

function signal(pid, name) {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}

function readIfThere(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function readIfFolder(path) {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
