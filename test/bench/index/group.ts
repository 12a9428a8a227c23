import type { Group, Measure, Side } from '../measure.js';
import type { Workplace } from '../workplace.js';
import { drawCurves } from './curves.js';
import { type Isa, Prepared, type SetName, type Who } from './prepared.js';

const PEER = 'C++ hnswlib';
const SET_NAMES = ['sift', 'cosine'] as const;
/** Passes over all queries in a round, so that a round lasts long enough. */
const PASSES = 3;
/** Builds take minutes. */
const BUILD_ROUNDS = 5;
const ONCE = 1;
const EFS = [10, 20, 40, 80, 160];
const CHURN = { rounds: 100, rows: 1000, ef: 64 };
const FILTER = { share: 0.01, ef: 64 };
const MILLION_THREADS = 2;
const FLAT_RECALLS = [0.95, 0.98, 0.99];
const BYTES = { sift: 300, cosine: 950 } as const;

const side = (name: string, run: () => Promise<number>): Side => ({ name, amount: 1, run });

function searchMeasure(prepared: Prepared, set: SetName, recall: number, isa: Isa): Measure {
  const percent = Math.round(recall * 100);
  const run = (who: Who) => () => prepared.searchSeconds(set, who, recall, isa, PASSES);
  return {
    name: isa === 'best' ? `${set}-${percent}` : `${set}-${percent}-${isa}`,
    title: `search of ${prepared.title(set)} at recall ${recall}${isa === 'best' ? '' : `, ${isa}`}`,
    goal: isa === 'best' ? { kind: 'speed', atLeast: 3 } : { kind: 'speed' },
    unit: 'queries/s',
    ours: side('VexFS', run('ours')),
    peer: side(PEER, run('hnswlib')),
  };
}

/** The index without a graph against the graph. */
function flatMeasure(prepared: Prepared, recall: number): Measure {
  const run = (who: Who) => () => prepared.searchSeconds('cosine', who, recall, 'best', PASSES);
  return {
    name: `flat-${Math.round(recall * 100)}`,
    title: `search of ${prepared.title('cosine')} at recall ${recall}, one bit a coordinate and no graph`,
    goal: { kind: 'speed' },
    unit: 'queries/s',
    ours: side('VexFS without a graph', run('flat')),
    peer: side('VexFS with a graph', run('ours')),
  };
}

function buildMeasure(prepared: Prepared, set: SetName): Measure {
  const run = (who: Who) => async () => (await prepared.build(set, who, 1))[0];
  return {
    name: `${set}-build`,
    title: `build over ${prepared.title(set)}, M 16, ef_construction 200, CPU time`,
    goal: { kind: 'time', atMost: 0.4 },
    unit: 's',
    mostRounds: BUILD_ROUNDS,
    ours: side('VexFS', run('ours')),
    peer: side(PEER, run('hnswlib')),
  };
}

function threadsMeasure(prepared: Prepared): Measure {
  const run = (threads: number) => async () => (await prepared.build('sift', 'ours', threads))[1];
  return {
    name: 'threads-build',
    title: `build over ${prepared.title('sift')} with two threads, wall time`,
    goal: { kind: 'time', atMost: 0.6 },
    unit: 's',
    mostRounds: BUILD_ROUNDS,
    ours: side('two threads', run(2)),
    peer: side('one thread', run(1)),
  };
}

/** Where the two differ most to our disadvantage. */
function recallMeasure(prepared: Prepared, set: SetName): Measure {
  let worst: readonly [number, number] = [0, 0];
  const compare = async (): Promise<void> => {
    await prepared.need(set, 'ours');
    await prepared.need(set, 'hnswlib');
    let least = Number.POSITIVE_INFINITY;
    for (const ef of EFS) {
      const [ours] = await prepared.harness.ask('recall', 'ours', ef);
      const [theirs] = await prepared.harness.ask('recall', 'hnswlib', ef);
      if (ours! - theirs! >= least) continue;
      least = ours! - theirs!;
      worst = [ours!, theirs!];
    }
  };
  return {
    name: `${set}-recall`,
    title: `recall over ${prepared.title(set)} at equal M, ef_construction and ef (the worst of ef ${EFS.join(', ')})`,
    goal: { kind: 'difference', atLeast: -0.01 },
    unit: 'recall',
    mostRounds: ONCE,
    // Round 1 begins with the peer.
    ours: side('VexFS', async () => worst[0]),
    peer: side(PEER, async () => {
      await compare();
      return worst[1];
    }),
  };
}

function bytesMeasure(prepared: Prepared, set: keyof typeof BYTES): Measure {
  return {
    name: `${set}-bytes`,
    title: `nodes, links and ids in memory over ${prepared.title(set)}, a row`,
    goal: { kind: 'figure', atMost: BYTES[set] },
    unit: 'bytes',
    mostRounds: ONCE,
    ours: side('VexFS', async () => {
      await prepared.need(set, 'ours');
      return (await prepared.harness.ask('bytes'))[0]!;
    }),
  };
}

function smallMeasure(prepared: Prepared): Measure {
  return {
    name: 'small-search',
    title: `CPU time of a search of ${prepared.title('small')} at recall 0.95`,
    goal: { kind: 'figure', atMost: 10 },
    unit: 'us',
    ours: side('VexFS', async () => (await prepared.searchSeconds('small', 'ours', 0.95, 'best', 10)) * 1e6),
  };
}

/** One run of replacing rows answers two measures. */
function churnMeasures(prepared: Prepared): Measure[] {
  let once: Promise<number[]> | undefined;
  const churned = async (): Promise<number[]> => {
    await prepared.use('sift');
    const { rounds, rows, ef } = CHURN;
    return prepared.harness.ask('churn', rounds, prepared.place.scaled(rows), ef);
  };
  const figure = (which: number) => async () => {
    once ??= churned();
    return (await once)[which]!;
  };
  const after = `after ${CHURN.rounds} rounds that replace ${prepared.place.scaled(CHURN.rows)} of ${prepared.title('sift')} rows`;
  return [
    {
      name: 'churn-recall',
      title: `recall at ef ${CHURN.ef} ${after}`,
      goal: { kind: 'difference', atLeast: -0.01 },
      unit: 'recall',
      mostRounds: ONCE,
      ours: side('VexFS', figure(0)),
      peer: side('a fresh build', figure(1)),
    },
    {
      name: 'churn-memory',
      title: `growth of memory ${after}`,
      goal: { kind: 'figure', atMost: 5 },
      unit: '%',
      mostRounds: ONCE,
      ours: side('VexFS', async () => (await figure(2)()) * 100),
    },
  ];
}

function filterMeasures(prepared: Prepared): Measure[] {
  let last: readonly number[] = [];
  const filtered = async (): Promise<void> => {
    await prepared.need('sift', 'ours', 'best');
    last = await prepared.harness.ask('filter', FILTER.share, FILTER.ef);
  };
  const title = `search of ${prepared.title('sift')} with a filter that keeps ${FILTER.share * 100} %`;
  return [
    {
      name: 'filter-recall',
      title: `${title}, recall`,
      goal: { kind: 'figure', atLeast: 0.98 },
      unit: 'recall',
      mostRounds: ONCE,
      ours: side('VexFS', async () => {
        await filtered();
        return last[0]!;
      }),
    },
    {
      name: 'filter-time',
      title: `${title}, CPU time`,
      goal: { kind: 'time', atMost: 2 },
      unit: 'queries/s',
      ours: side('VexFS', async () => {
        await filtered();
        return last[1]!;
      }),
      peer: side('exact search of these rows', async () => {
        await filtered();
        return last[2]!;
      }),
    },
  ];
}

function snapshotMeasures(prepared: Prepared): Measure[] {
  const path = prepared.place.path('million.index');
  let saved = false;
  const opened = async (): Promise<number[]> => {
    if (!saved) {
      await prepared.build('million', 'ours', MILLION_THREADS);
      await prepared.harness.ask('save', path);
      saved = true;
    }
    return prepared.harness.ask('open', path);
  };
  return [
    {
      name: 'open',
      title: `open a snapshot of ${prepared.title('million')} (mapped, in the page cache)`,
      goal: { kind: 'seconds', below: 0.2 },
      unit: 's',
      ours: side('VexFS', async () => (await opened())[0]!),
    },
    {
      name: 'first-search',
      title: 'the first search after that, wall time',
      goal: { kind: 'seconds', below: 0.1 },
      unit: 's',
      ours: side('VexFS', async () => (await opened())[1]!),
    },
  ];
}

function measuresOf(prepared: Prepared): Measure[] {
  const perSet = SET_NAMES.flatMap((set) => [
    buildMeasure(prepared, set),
    searchMeasure(prepared, set, 0.95, 'best'),
    searchMeasure(prepared, set, 0.99, 'best'),
    recallMeasure(prepared, set),
    bytesMeasure(prepared, set),
    ...(set === 'sift' ? filterMeasures(prepared) : FLAT_RECALLS.map((at) => flatMeasure(prepared, at))),
    ...(['avx2', 'scalar'] as const).flatMap((isa) => [
      searchMeasure(prepared, set, 0.95, isa),
      searchMeasure(prepared, set, 0.99, isa),
    ]),
    ...(set === 'sift' ? [threadsMeasure(prepared), ...churnMeasures(prepared)] : []),
  ]);
  return [...perSet, smallMeasure(prepared), ...snapshotMeasures(prepared)];
}

/** The index of the engine against C++ hnswlib, and a picture of both beside other libraries. */
export const index: Group = {
  name: 'index',
  measures: [
    ...SET_NAMES.flatMap((set) => [
      `${set}-build`,
      `${set}-95`,
      `${set}-99`,
      `${set}-recall`,
      `${set}-bytes`,
      ...['avx2', 'scalar'].flatMap((isa) => [`${set}-95-${isa}`, `${set}-99-${isa}`]),
    ]),
    'threads-build',
    'churn-recall',
    'churn-memory',
    'filter-recall',
    'filter-time',
    'small-search',
    ...FLAT_RECALLS.map((recall) => `flat-${Math.round(recall * 100)}`),
    'open',
    'first-search',
    'index-curves',
  ],
  command: 'npm run bench -- --only index --write',
  async open(place: Workplace) {
    const prepared = new Prepared(place);
    return {
      measures: measuresOf(prepared),
      figures: [{ name: 'index-curves', draw: (runs) => drawCurves(prepared, runs) }],
      close: async () => prepared.harness.end(),
    };
  },
};
