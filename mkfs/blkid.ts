import { spawnSync } from 'node:child_process';

/** Longest that a probe of a slow device may take, in milliseconds. */
const TIME_LIMIT = 20_000;

/**
 * What blkid(8) says lies on a device, to stand behind "it holds"; undefined when it finds nothing or is not installed.
 * It knows formats that the table in signatures.ts does not, ZFS and the rarer RAIDs among them.
 */
export function probeWithBlkid(path: string): string | undefined {
  const result = spawnSync('blkid', ['-p', '-o', 'export', '--', path], {
    encoding: 'utf8',
    timeout: TIME_LIMIT,
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { ...process.env, PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin`, LC_ALL: 'C' },
  });
  // 8: several contradicting signatures, listed nowhere; there is something all the same.
  if (result.status === 8) return 'several signatures that contradict each other';
  if (result.status !== 0) return undefined;
  const fields = new Map<string, string>();
  for (const line of result.stdout.split('\n')) {
    const equals = line.indexOf('=');
    if (equals > 0) fields.set(line.slice(0, equals), line.slice(equals + 1));
  }
  const type = fields.get('TYPE');
  const table = fields.get('PTTYPE');
  if (type !== undefined) {
    const label = fields.get('LABEL');
    return label === undefined ? `content of type ${type}` : `content of type ${type} labelled "${label}"`;
  }
  return table === undefined ? undefined : `a partition table of type ${table}`;
}
