/**
 * A stream of operations on the files of one folder that follows from a seed alone. The process that runs it and the test that
 * judges what a crash left simulate the same stream, so they need to exchange numbers of operations only.
 */
import {
  closeSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  statSync,
  truncateSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { Random } from './random.js';

type Content = { bytes: Buffer };
/** Names of a folder: files share their content with other names of theirs, `dir` is an empty folder. */
type Model = Map<string, Content | 'dir'>;

/** One step: what it does to the model, and to the folder. Each is a single change of the filesystem. */
interface Step {
  readonly apply: (model: Model) => void;
  readonly run: (folder: string) => void;
  /** The file that it lengthens: write(2) may reach the filesystem in pieces, so any part of it may be there. */
  readonly grows?: string;
}

/** Names that the stream uses. */
const NAMES = 24;

export class FileOperations {
  private readonly random: Random;
  readonly model: Model = new Map();
  /** What the last step may have done in part: a file and its bytes before. */
  growing: { readonly file: string; readonly from: number } | undefined;

  constructor(seed: number) {
    this.random = new Random(seed);
  }

  /** The next step, applied to the model already. */
  next(): (folder: string) => void {
    const step = this.choose();
    const { grows } = step;
    const before = grows === undefined ? undefined : this.model.get(grows);
    this.growing =
      grows === undefined || before === undefined || before === 'dir'
        ? undefined
        : { file: grows, from: before.bytes.length };
    step.apply(this.model);
    return step.run;
  }

  private choose(): Step {
    const { random, model } = this;
    const name = `n${random.below(NAMES)}`;
    const other = `n${random.below(NAMES)}`;
    const kind = random.below(8);
    const has = model.get(name);
    if (has === undefined) return kind === 0 ? makeFolder(name) : makeFile(name);
    if (has === 'dir') return kind < 4 ? removeFolder(name) : rename(model, name, `m${other}`);
    if (kind === 0) return remove(name);
    if (kind === 1 && !model.has(`l${other}`)) return link(name, `l${other}`);
    if (kind === 2) return empty(name);
    if (kind === 3 && model.get(other) !== 'dir' && model.get(other) !== has)
      return rename(model, name, other);
    if (kind === 4 && model.has(`l${other}`)) return remove(`l${other}`);
    return append(name, content(random, has.bytes.length));
  }
}

/** Bytes that are all different from their neighbours, so that a shift or a hole is seen. */
function content(random: Random, have: number): Buffer {
  const bytes = Buffer.alloc(have > 200_000 ? 1 : 1 + random.below(random.below(4) === 0 ? 60_000 : 3000));
  const start = random.below(256);
  for (let i = 0; i < bytes.length; i++) bytes[i] = 1 + ((start + i * 7 + (i >> 8)) % 255);
  return bytes;
}

const makeFile = (name: string): Step => ({
  apply: (model) => model.set(name, { bytes: Buffer.alloc(0) }),
  run: (folder) => closeSync(openSync(join(folder, name), 'wx')),
});
const makeFolder = (name: string): Step => ({
  apply: (model) => model.set(name, 'dir'),
  run: (folder) => mkdirSync(join(folder, name)),
});
const removeFolder = (name: string): Step => ({
  apply: (model) => model.delete(name),
  run: (folder) => rmdirSync(join(folder, name)),
});
const remove = (name: string): Step => ({
  apply: (model) => model.delete(name),
  run: (folder) => unlinkSync(join(folder, name)),
});
const link = (name: string, other: string): Step => ({
  apply: (model) => model.set(other, model.get(name)!),
  run: (folder) => linkSync(join(folder, name), join(folder, other)),
});
// To nothing only: bytes that are written into a block whose cut was not committed are there after a crash, as on ext4.
const empty = (name: string): Step => ({
  apply: (model) => {
    const file = model.get(name) as Content;
    file.bytes = Buffer.alloc(0);
  },
  run: (folder) => truncateSync(join(folder, name)),
});
const append = (name: string, bytes: Buffer): Step => ({
  grows: name,
  apply: (model) => {
    const file = model.get(name) as Content;
    file.bytes = Buffer.concat([file.bytes, bytes]);
  },
  run: (folder) => {
    const fd = openSync(join(folder, name), 'a');
    try {
      // A daemon that dies between two pages leaves a short write, and the next one says that it is gone.
      for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done);
    } finally {
      closeSync(fd);
    }
  },
});
const rename = (model: Model, name: string, to: string): Step => {
  if (model.get(name) === 'dir' && model.has(to)) return removeFolder(name);
  return {
    apply: (changed) => {
      changed.set(to, changed.get(name)!);
      changed.delete(name);
    },
    run: (folder) => renameSync(join(folder, name), join(folder, to)),
  };
};

/** What a folder differs from the model in, in words; empty when in nothing. With `partly` the last step may be half done. */
function difference(folder: string, { model, growing }: FileOperations, partly: boolean): string {
  const partial = partly && growing !== undefined ? model.get(growing.file) : undefined;
  const names = readdirSync(folder).sort();
  const expected = [...model.keys()].sort();
  if (names.join() !== expected.join()) return `names are ${names.join()} instead of ${expected.join()}`;
  for (const [name, entry] of model) {
    const path = join(folder, name);
    const status = statSync(path);
    if (status.isDirectory() !== (entry === 'dir')) return `${name} is of another type`;
    if (entry === 'dir') continue;
    const least = entry === partial ? growing!.from : entry.bytes.length;
    if (status.size < least || status.size > entry.bytes.length)
      return `${name} has ${status.size} bytes, not ${entry.bytes.length}`;
    const found = readFileSync(path);
    const at = found.findIndex((byte, i) => byte !== entry.bytes[i]);
    if (at >= 0)
      return `${name} has ${found[at]} instead of ${entry.bytes[at]} at byte ${at} of ${found.length}`;
  }
  return '';
}

/**
 * Whether the folder is what some number of operations between `least` and `most` leaves. Returns that number; throws an
 * Error that tells what is wrong with the nearest states.
 */
export function operationsFound(folder: string, seed: number, least: number, most: number): number {
  const operations = new FileOperations(seed);
  const complaints: string[] = [];
  for (let done = 0; ; done++) {
    if (done >= least) {
      const wrong = difference(folder, operations, done > least);
      if (wrong === '') return done;
      complaints.push(`after ${done}: ${wrong}`);
    }
    if (done === most) break;
    operations.next();
  }
  const near = complaints.filter((complaint) => !complaint.includes('names are'));
  const shown = near.length > 0 ? near : [...complaints.slice(0, 4), '...', ...complaints.slice(-4)];
  throw new Error(`${folder} is in no state from ${least} to ${most}:\n  ${shown.join('\n  ')}`);
}
