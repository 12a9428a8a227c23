/**
 * Measures VexFS against named peers and prints a table:
 *   npm run bench -- [--only NAME]... [--runs N] [--json] [--write] [--quick] [--quiet-wait SECONDS]
 * Exit status: 0 when every measure ran, whether its goal was met or not; 1 when one failed; 2 for a wrong command line.
 */
import { tmpdir } from 'node:os';
import { parseArgs } from 'node:util';
import { index } from './index/group.js';
import { describeMachine, waitUntilQuiet } from './machine.js';
import { type Drawing, type Group, type OpenGroup, type Result, take } from './measure.js';
import { calls } from './measures/calls.js';
import { durable } from './measures/durable.js';
import { insert } from './measures/insert.js';
import { listing } from './measures/listing.js';
import { recovery } from './measures/recovery.js';
import { search } from './measures/search.js';
import { stream } from './measures/stream.js';
import { tree } from './measures/tree.js';
import { living } from './mounted/living.js';
import { million } from './mounted/million.js';
import { searching } from './mounted/searching.js';
import { BENCH_OPTIONS, QUICK } from './options.js';
import { COLUMNS, cells, textTable } from './table.js';
import { writeDrawing, writeResults } from './tuning_page.js';
import { endOnSignals, Interrupted, Workplace } from './workplace.js';

const GROUPS: readonly Group[] = [
  ...[calls, stream, listing, tree, search, insert, durable, recovery],
  ...[index, searching, living, million],
];
const COMMAND = 'npm run bench -- --write';

interface Choice {
  readonly only: readonly string[];
  readonly runs: number;
  readonly json: boolean;
  readonly write: boolean;
  readonly quick: boolean;
  readonly wait: number;
}

/** What one group gave. */
interface Taken {
  readonly group: Group;
  readonly results: Result[];
  readonly drawings: { readonly name: string; readonly drawing: Drawing }[];
}

class UsageError extends Error {}

function wholeNumber(name: string, text: string): number {
  if (!/^[0-9]{1,4}$/.test(text)) throw new UsageError(`--${name} takes a whole number, not '${text}'`);
  return Number(text);
}

function parse(words: readonly string[]): Choice {
  let values: ReturnType<typeof parseWords>;
  try {
    values = parseWords(words);
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
  const known = GROUPS.flatMap((group) => [group.name, ...group.measures]);
  for (const name of values.only) {
    if (!known.includes(name)) throw new UsageError(`no measure '${name}': there are ${known.join(', ')}`);
  }
  const runs = wholeNumber('runs', values.runs);
  if (runs === 0) throw new UsageError('--runs takes at least 1');
  return { ...values, runs, wait: wholeNumber('quiet-wait', values['quiet-wait']) };
}

function parseWords(words: readonly string[]) {
  return parseArgs({
    args: [...words],
    options: BENCH_OPTIONS,
  }).values;
}

async function runGroup({ group, results, drawings }: Taken, choice: Choice): Promise<void> {
  const { only } = choice;
  const wanted = (name: string): boolean =>
    only.length === 0 || only.includes(group.name) || only.includes(name);
  if (!group.measures.some(wanted)) return;
  const place = new Workplace(tmpdir(), choice.quick ? QUICK : 1);
  let open: OpenGroup | undefined;
  try {
    open = await group.open(place);
    for (const measure of open.measures) {
      if (!wanted(measure.name)) continue;
      const result = await take(measure, choice.runs);
      results.push(result);
      console.error(cells(result).join('  '));
    }
    for (const figure of open.figures ?? []) {
      if (!wanted(figure.name)) continue;
      const drawing = await figure.draw(choice.runs);
      drawings.push({ name: figure.name, drawing });
      console.error(textTable(drawing.table));
    }
  } finally {
    await open?.close();
    place.remove();
  }
}

function print(taken: readonly Taken[], machine: string, { json, runs }: Choice): void {
  const results = taken.flatMap((each) => each.results);
  if (json) {
    const plain = results.map(({ measure, ...rest }) => ({
      name: measure.name,
      title: measure.title,
      unit: measure.unit,
      peerName: measure.peer?.name,
      goal: measure.goal,
      ...rest,
    }));
    const tables = taken.flatMap((each) =>
      each.drawings.map(({ name, drawing }) => ({ name, table: drawing.table })),
    );
    console.log(JSON.stringify({ machine, runs, results: plain, tables }, null, 2));
    return;
  }
  console.log(`\n${machine}; medians of ${runs}\n`);
  if (results.length > 0) console.log(textTable([COLUMNS, ...results.map(cells)]));
  for (const { drawings } of taken) {
    for (const { drawing } of drawings) console.log(`\n${textTable(drawing.table)}`);
  }
}

/** Groups that name no command of their own share a table. */
function write(taken: readonly Taken[], machine: string, runs: number): void {
  for (const command of new Set(taken.map(({ group }) => group.command ?? COMMAND))) {
    const results = taken
      .filter(({ group }) => (group.command ?? COMMAND) === command)
      .flatMap((each) => each.results);
    if (results.length > 0) writeResults(command, results, machine, runs);
  }
  for (const { drawings } of taken) {
    for (const { name, drawing } of drawings) {
      writeDrawing(`npm run bench -- --only ${name} --write`, drawing, machine);
    }
  }
}

async function main(words: readonly string[]): Promise<number> {
  const choice = parse(words);
  endOnSignals();
  const load = await waitUntilQuiet(choice.wait);
  const machine = `${describeMachine()}, load ${load.toFixed(2)} before`;
  const taken: Taken[] = GROUPS.map((group) => ({ group, results: [], drawings: [] }));
  let failed = 0;
  for (const each of taken) {
    try {
      await runGroup(each, choice);
    } catch (error) {
      if (error instanceof Interrupted) throw error;
      failed += 1;
      console.error(`${each.group.name}: ${error instanceof Error ? error.message : error}`);
    }
  }
  print(taken, machine, choice);
  if (choice.write) write(taken, machine, choice.runs);
  return failed === 0 ? 0 : 1;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (error instanceof UsageError) {
    console.error(`bench: ${error.message}`);
    process.exitCode = 2;
  } else if (error instanceof Interrupted) {
    console.error(`bench: ended by ${error.message}`);
    process.exitCode = 130;
  } else {
    throw error;
  }
}
