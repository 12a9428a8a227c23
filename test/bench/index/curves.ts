import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { must } from '../../parity/backend/programs.js';
import { type Drawing, median } from '../measure.js';
import { figureText } from '../table.js';
import { PEERS, type PeerName, type PeerRun, type PeerTask } from './peer_process.js';
import { drawPlot, type Panel, type Point, type Series } from './plot.js';
import { type Prepared, SETS, type SetName, type Who } from './prepared.js';

const EFS = [10, 14, 20, 28, 40, 56, 80, 112, 160, 240, 360];
const K = 10;
const PEER_MS = 3_600_000;
const PROCESS = fileURLToPath(new URL('./peer_process.js', import.meta.url));

interface Curve extends Series {
  /** NaN where it was not measured. */
  readonly buildSeconds: number;
}

/** Ours and C++ hnswlib take turns at each ef. */
async function native(prepared: Prepared, set: SetName, runs: number): Promise<Curve[]> {
  const whos: readonly Who[] = ['ours', 'hnswlib'];
  const buildSeconds = new Map<Who, number>();
  for (const who of whos) buildSeconds.set(who, (await prepared.build(set, who, 1))[0]);
  const points = new Map<Who, Point[]>(whos.map((who) => [who, []]));
  for (const ef of EFS) {
    const seconds = new Map<Who, number[]>(whos.map((who) => [who, []]));
    for (let round = 0; round < runs; round++) {
      for (const who of whos) seconds.get(who)!.push((await prepared.harness.ask('search', who, ef, 1))[0]!);
    }
    for (const who of whos) {
      const [recall] = await prepared.harness.ask('recall', who, ef);
      points.get(who)!.push({ recall: recall!, rate: 1 / median(seconds.get(who)!) });
    }
  }
  return whos.map((who) => ({
    name: who === 'ours' ? 'VexFS' : 'C++ hnswlib',
    points: points.get(who)!,
    buildSeconds: buildSeconds.get(who)!,
  }));
}

async function foreign(prepared: Prepared, set: SetName, peer: PeerName, runs: number): Promise<Curve> {
  const folder = prepared.place.path('peer');
  const { dimensions, metric } = SETS[set];
  const task: PeerTask = {
    peer,
    cosine: metric === 'cosine',
    dimensions,
    k: K,
    m: 16,
    efConstruction: 200,
    efs: EFS,
    rounds: runs,
  };
  mkdirSync(folder, { recursive: true });
  await prepared.use(set);
  await prepared.harness.ask('export', folder);
  writeFileSync(join(folder, 'task.json'), JSON.stringify(task));
  const output = must(process.execPath, [PROCESS, folder], PEER_MS);
  const points: Point[] = [];
  let buildSeconds = Number.NaN;
  for (const line of output.trim().split('\n')) {
    const run = JSON.parse(line) as PeerRun;
    const [recall] = await prepared.harness.ask('score', join(folder, run.hits), run.queries);
    points.push({ recall: recall!, rate: 1 / run.seconds });
    buildSeconds = run.buildSeconds;
  }
  for (const name of readdirSync(folder)) rmSync(join(folder, name));
  return { name: peer, points, buildSeconds };
}

/** The rate at a recall, between the two points around it; nothing where the curve does not reach. */
export function rateAt(points: readonly Point[], recall: number): number | undefined {
  const sorted = [...points].sort((a, b) => a.recall - b.recall);
  const after = sorted.findIndex((point) => point.recall >= recall);
  if (after < 0) return undefined;
  const above = sorted[after]!;
  const below = sorted[after - 1];
  if (below === undefined) return above.rate;
  const share = (recall - below.recall) / (above.recall - below.recall);
  return below.rate * (above.rate / below.rate) ** share;
}

/** Recall and queries a second of ours and of other libraries, over the same rows, each on one thread. */
export async function drawCurves(prepared: Prepared, runs: number): Promise<Drawing> {
  const panels: Panel[] = [];
  const table: string[][] = [['rows', 'library', 'at recall 0.95', 'at recall 0.99', 'build, CPU time']];
  for (const set of ['sift', 'cosine'] as const) {
    const curves = await native(prepared, set, runs);
    for (const peer of PEERS) curves.push(await foreign(prepared, set, peer, runs));
    const title = `${prepared.title(set)}, ${SETS[set].metric}`;
    panels.push({ title, series: curves });
    for (const { name, points, buildSeconds } of curves) {
      const cell = (recall: number): string => {
        const rate = rateAt(points, recall);
        return rate === undefined ? 'not reached' : figureText(rate, 'queries/s');
      };
      table.push([title, name, cell(0.95), cell(0.99), `${buildSeconds.toFixed(1)} s`]);
    }
  }
  return {
    title: `Recall against queries a second: VexFS, C++ hnswlib, ${PEERS.join(', ')}`,
    svg: drawPlot(panels),
    path: 'docs/index_recall.svg',
    table,
  };
}
