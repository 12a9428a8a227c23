/**
 * In a guest: several processes survey one mount at the same time while caches are dropped again and again, so that
 * inodes, pages and row tables are read, freed and read once more. All have to find the same. With the word `survey` it is
 * one of these processes.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { mountVolume, unmountVolume } from './mounting.js';
import { survey } from './survey.js';

const PROCESSES = 3;
const DROP_MS = 30;

const [device, mountpoint, role] = process.argv.slice(2) as [string, string, string | undefined];

function digest(): string {
  return createHash('sha256')
    .update(JSON.stringify(survey(mountpoint)))
    .digest('hex');
}

async function one(): Promise<string> {
  const child = spawn(process.execPath, [process.argv[1]!, device, mountpoint, 'survey'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.on('data', (text: Buffer) => {
    said += text.toString();
  });
  const code = await new Promise((resolve) => child.once('exit', resolve));
  return code === 0 ? said : `exit ${code}`;
}

async function crowd(): Promise<void> {
  const mounted = mountVolume(device, mountpoint);
  if (mounted !== 'ok') throw new Error(`mount: ${mounted}`);
  let busy = true;
  let drops = 0;
  const surveys = Promise.all(Array.from({ length: PROCESSES }, () => one())).finally(() => {
    busy = false;
  });
  while (busy) {
    writeFileSync('/proc/sys/vm/drop_caches', '3');
    drops += 1;
    await sleep(DROP_MS);
  }
  const found = [...new Set(await surveys)];
  const unmounted = unmountVolume(mountpoint);
  writeFileSync(join(process.env.VEXFS_EXCHANGE!, 'crowd'), JSON.stringify({ found, unmounted, drops }));
}

if (role === 'survey') {
  process.stdout.write(digest());
} else {
  await crowd();
}
