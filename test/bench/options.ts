import type { ParseArgsConfig } from 'node:util';

/** The words that both commands take, as parseArgs reads them. */
export const BENCH_OPTIONS = {
  only: { type: 'string' as const, multiple: true, default: [] as string[] },
  runs: { type: 'string' as const, default: '5' },
  json: { type: 'boolean', default: false },
  write: { type: 'boolean', default: false },
  quick: { type: 'boolean', default: false },
  'quiet-wait': { type: 'string' as const, default: '0' },
} satisfies ParseArgsConfig['options'];

/** What --quick divides sizes and counts by: to see that everything runs, not for figures. */
export const QUICK = 20;
