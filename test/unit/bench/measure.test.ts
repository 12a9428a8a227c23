import test from 'ava';
import { rateAt } from '../../bench/index/curves.js';
import { drawPlot } from '../../bench/index/plot.js';
import { type Goal, type Measure, type Side, take } from '../../bench/measure.js';
import { cells } from '../../bench/table.js';

/** Sides that return these numbers in turn and note who ran. */
function measure(goal: Goal, unit: string, ours: number[], theirs?: number[], mostRounds?: number) {
  const order: string[] = [];
  const side = (name: string, values: number[]): Side => ({
    name,
    amount: 100,
    run: () => {
      order.push(name);
      return values.shift()!;
    },
  });
  const made: Measure = {
    name: 'it',
    title: 'something',
    goal,
    unit,
    ours: side('ours', ours),
    ...(theirs === undefined ? {} : { peer: side('peer', theirs) }),
    ...(mostRounds === undefined ? {} : { mostRounds }),
  };
  return { made, order };
}

test('sides run in turns, the first round does not count, and the ratio is the median of the rounds', async (t) => {
  const { made, order } = measure({ kind: 'speed', atLeast: 2 }, 'calls/s', [9, 1, 2, 4], [9, 3, 8, 4]);
  const result = await take(made, 3);
  t.deepEqual(order, ['ours', 'peer', 'peer', 'ours', 'ours', 'peer', 'peer', 'ours']);
  t.is(result.ratio, 3);
  t.deepEqual([result.lowest, result.highest, result.met], [1, 4, true]);
  t.deepEqual([result.ours, result.peer], [50, 25]);
  t.deepEqual(cells(result).slice(2), [
    '50.0 calls/s',
    '25.0 calls/s peer',
    '3.00 (1.00-4.00)',
    '>= 2.00 x',
    'met',
  ]);
});

test('a measure may have its own number of rounds, none of which warms up', async (t) => {
  const { made, order } = measure({ kind: 'time', atMost: 0.4 }, 's', [1, 3], [2, 4], 2);
  const result = await take(made, 5);
  t.deepEqual(order, ['peer', 'ours', 'ours', 'peer']);
  t.deepEqual([result.ratio, result.met], [0.625, false]);
});

test('figures and differences are judged by themselves, and what has no goal by nothing', async (t) => {
  const one = async (goal: Goal, unit: string, ours: number, theirs?: number) => {
    const { made } = measure(goal, unit, [ours], theirs === undefined ? undefined : [theirs], 1);
    return cells(await take(made, 1)).slice(2);
  };
  t.deepEqual(await one({ kind: 'figure', atMost: 300 }, 'bytes', 301), [
    '301 bytes',
    '-',
    '-',
    '<= 300',
    'missed',
  ]);
  t.deepEqual(await one({ kind: 'figure', atLeast: 0.98 }, 'recall', 0.98), [
    'recall 0.9800',
    '-',
    '-',
    '>= 0.98',
    'met',
  ]);
  t.deepEqual(await one({ kind: 'difference', atLeast: -0.01 }, 'recall', 0.9, 0.905), [
    'recall 0.9000',
    'recall 0.9050 peer',
    '-0.0050',
    '>= its - 0.01',
    'met',
  ]);
  t.deepEqual(await one({ kind: 'speed' }, 'calls/s', 1, 2), [
    '100 calls/s',
    '50.0 calls/s peer',
    '2.00 (2.00-2.00)',
    '-',
    '',
  ]);
});

test('a rate is read off between the measured points, and only where there are any', (t) => {
  const points = [
    { recall: 0.99, rate: 100 },
    { recall: 0.9, rate: 10_000 },
  ];
  t.true(Math.abs(rateAt(points, 0.945)! - 1000) < 1e-6, `${rateAt(points, 0.945)}`);
  t.is(rateAt(points, 0.5), 10_000);
  t.is(rateAt(points, 0.995), undefined);
});

test('a plot shows each name once, the points of useful recall, and text as text', (t) => {
  const series = [
    {
      name: 'a < b',
      points: [0.5, 0.85, 0.99, 1].map((recall) => ({ recall, rate: 1000 * (1.1 - recall) })),
    },
    { name: 'c', points: [{ recall: 1, rate: 80 }] },
  ];
  const svg = drawPlot([
    { title: 'one', series },
    { title: 'two', series },
  ]);
  t.is(svg.split('a &lt; b').length - 1, 1);
  t.is(svg.match(/<circle[^>]*r="3"/g)?.length, 8);
  t.false(/NaN|Infinity|undefined/.test(svg));
  t.is(svg.match(/<svg /g)?.length, 1);
});
