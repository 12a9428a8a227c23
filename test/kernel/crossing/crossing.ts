import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { deserialize, serialize } from 'node:v8';
import { FuseBackend } from '../../parity/backend/fuse.js';
import { MKFS, must } from '../../parity/backend/programs.js';
import { Seeded } from '../../unit/volume/seeded.js';
import { run } from '../../vm/guest_test.js';
import { differences, type Survey } from '../volume/survey.js';
import { type Ending, type Turn, type Turned, tryTurn } from './turn.js';

type Side = 'fuse' | 'kernel';
const SIDES: readonly Side[] = ['fuse', 'kernel'];
const SIZE = '64M';
const HANG_MS = 600_000;
const GUEST_SECONDS_A_TURN = 30;
/** Of what two sides say of a path; there may be thousands. */
const MOST_SHOWN = 12;
const guestProgram = fileURLToPath(new URL('./guest_turns.js', import.meta.url));

/** One volume on its way: half of the work on one side, half on the other. */
class Crossing {
  readonly name: string;
  readonly first: Side;
  readonly second: Side;
  private readonly seed: number;
  private readonly endings: readonly Ending[];
  /** What went wrong, in the order in which it did. */
  readonly failures: string[] = [];
  private halves: Turned[] = [];

  constructor(seed: number) {
    this.seed = seed;
    this.first = SIDES[seed % 2]!;
    this.second = SIDES[1 - (seed % 2)]!;
    this.name = `seed ${seed}, ${this.first} first`;
    const random = new Seeded(seed);
    this.endings = [0, 1].map(() => (random.chance(60) ? 'crash' : 'unmount'));
  }

  get image(): string {
    return `${this.seed}`;
  }

  /** The same volume as the half has left it, for those who did it. */
  copy(half: number): string {
    return `${this.image}-${half}`;
  }

  side(half: number): Side {
    return half === 0 ? this.first : this.second;
  }

  half(half: number, operations: number): Turn {
    const work = { seed: this.seed * 2 + half, operations, ending: this.endings[half]! };
    return { image: this.image, handed: this.halves[half - 1]?.handed, work };
  }

  /** Whether the half is there and ended in a crash: both sides have to make the same of it. */
  crashed(half: number): boolean {
    return this.halves[half]?.after === undefined && this.halves[half] !== undefined;
  }

  look(half: number, image: string): Turn {
    return { image, handed: this.halves[half]!.handed, work: undefined };
  }

  has(half: number): boolean {
    return this.halves[half] !== undefined;
  }

  take(half: number, turned: Turned | string): void {
    if (typeof turned === 'string') {
      this.failures.push(`${this.name}, half ${half + 1} on ${this.side(half)}: ${turned}`);
      return;
    }
    this.halves[half] = turned;
    if (half === 1 && !this.crashed(0)) this.same(0, this.halves[0]!.after!, turned.before!);
  }

  /** What both sides found of a half that ended in a crash, or what the other found of the end. */
  compare(half: number, own: Turned | string | undefined, other: Turned | string): void {
    for (const [side, turned] of [
      [this.side(half), own],
      [this.side(1 - half), other],
    ] as const) {
      if (typeof turned === 'string')
        this.failures.push(`${this.name}, ${side} after half ${half + 1}: ${turned}`);
    }
    if (typeof own === 'string' || typeof other === 'string') return;
    this.same(half, own === undefined ? this.halves[half]!.after! : own.before!, other.before!);
  }

  of(half: number): Turned {
    return this.halves[half]!;
  }

  private same(half: number, own: Survey, other: Survey): void {
    for (const path of new Set([...Object.keys(own), ...Object.keys(other)])) {
      const found = differences(own[path], other[path], path);
      if (found.length === 0) continue;
      const shown = found.slice(0, MOST_SHOWN).map(({ at, mine, theirs }) => `  ${at}: ${mine}, ${theirs}`);
      this.failures.push(
        `${this.name}, after half ${half + 1} ${this.crashed(half) ? '(crash)' : '(unmount)'}: ` +
          `${found.length} differences, ${this.side(half)} first\n${shown.join('\n')}`,
      );
    }
  }
}

/** Turns of several volumes, those of the kernel in one guest. */
class Turns {
  private readonly folder: string;
  private readonly images: string;

  constructor(folder: string) {
    this.folder = folder;
    this.images = join(folder, 'images');
    mkdirSync(this.images);
  }

  make(image: string): void {
    must(process.execPath, [MKFS, '-q', '--size', SIZE, join(this.images, image)]);
  }

  copy(from: string, to: string): void {
    copyFileSync(join(this.images, from), join(this.images, to));
  }

  async onFuse(turn: Turn): Promise<Turned | string> {
    const folder = mkdtempSync(join(this.folder, 'fuse-'));
    const image = join(this.images, turn.image);
    const turned = await tryTurn(new FuseBackend(folder, { image, hangMs: HANG_MS }), turn);
    rmSync(folder, { recursive: true });
    return turned;
  }

  async onKernel(turns: readonly Turn[]): Promise<(Turned | string)[]> {
    if (turns.length === 0) return [];
    const { code, output, collected } = await run({
      program: [process.execPath, guestProgram],
      files: { turns: serialize(turns) },
      folders: { images: this.images },
      returned: ['images'],
      modules: ['loop', 'dm-mod'],
      collect: ['turned'],
      memory: '1G',
      seconds: 60 + GUEST_SECONDS_A_TURN * turns.length,
    });
    if (code !== 0) throw new Error(output);
    return deserialize(collected.turned!) as (Turned | string)[];
  }
}

/**
 * Takes a volume for each seed over, even ones from the daemon to the module and odd ones the other way, with so many
 * operations a half, in two guests. Returns what went wrong.
 */
export async function cross(
  folder: string,
  seeds: readonly number[],
  operations: number,
): Promise<readonly string[]> {
  const turns = new Turns(folder);
  const all = seeds.map((seed) => new Crossing(seed));
  const from = (side: Side): Crossing[] => all.filter(({ first }) => first === side);
  for (const { image } of all) turns.make(image);
  for (const crossing of from('fuse')) {
    crossing.take(0, await turns.onFuse(crossing.half(0, operations)));
    if (crossing.crashed(0)) turns.copy(crossing.image, crossing.copy(0));
  }
  const firstGuest = [...from('fuse').filter((crossing) => crossing.has(0)), ...from('kernel')];
  const half = (crossing: Crossing): number => (crossing.first === 'kernel' ? 0 : 1);
  const taken = await turns.onKernel(firstGuest.map((each) => each.half(half(each), operations)));
  firstGuest.forEach((crossing, i) => {
    crossing.take(half(crossing), taken[i]!);
  });
  for (const crossing of firstGuest) {
    const last = half(crossing);
    if (!crossing.has(last)) continue;
    if (crossing.crashed(last)) turns.copy(crossing.image, crossing.copy(last));
    if (last === 0) {
      crossing.take(1, await turns.onFuse(crossing.half(1, operations)));
      if (crossing.crashed(1)) turns.copy(crossing.image, crossing.copy(1));
    }
  }
  // What is left is to look: each side at what it has not seen, or not replayed, yet.
  const looks: { crossing: Crossing; half: number; own: Turn | undefined; other: Turn | undefined }[] = [];
  for (const crossing of all) {
    for (const at of [0, 1]) {
      if (!crossing.has(at) || (at === 0 && (!crossing.has(1) || !crossing.crashed(0)))) continue;
      const own = crossing.crashed(at) ? crossing.look(at, crossing.copy(at)) : undefined;
      const other = at === 1 ? crossing.look(at, crossing.image) : undefined;
      looks.push({ crossing, half: at, own, other });
    }
  }
  const wanted = looks.flatMap(({ crossing, half: at, own, other }) => [
    ...(own === undefined ? [] : [{ side: crossing.side(at), turn: own }]),
    ...(other === undefined ? [] : [{ side: crossing.side(1 - at), turn: other }]),
  ]);
  const found = new Map<Turn, Turned | string>();
  const inGuest = wanted.filter(({ side }) => side === 'kernel').map(({ turn }) => turn);
  (await turns.onKernel(inGuest)).forEach((turned, i) => {
    found.set(inGuest[i]!, turned);
  });
  for (const { side, turn } of wanted) if (side === 'fuse') found.set(turn, await turns.onFuse(turn));
  for (const { crossing, half: at, own, other } of looks) {
    crossing.compare(
      at,
      own === undefined ? undefined : found.get(own)!,
      other === undefined ? crossing.of(1) : found.get(other)!,
    );
  }
  return all.flatMap(({ failures }) => failures);
}
