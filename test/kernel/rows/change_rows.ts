/**
 * Changes of vector files that are there, chosen by a seed, with a model of what they hold. Every backend has to agree with it. While
 * they happen, and after them, a file may be cut off behind its last row.
 */
import { appendFileSync, closeSync, fstatSync, ftruncateSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { DeleteFlag } from '@vexfs/shared';
import { deleteRow, deleteRows } from '../../parity/client/delete_calls.js';
import {
  getEmbedding,
  getMeta,
  getStats,
  insert,
  nearestIds,
  rowOf,
  setMeta,
} from '../../parity/client/vector_calls.js';
import { randomSource } from '../../unit/engine/reference.js';

const OVERWRITE = 1;

/** A file as its rows are: [id, value of all its elements], in no order. */
export interface FileModel {
  readonly name: string;
  readonly dimensions: number;
  readonly alignment: number;
  nextId: number;
  rows: Array<[number, number]>;
}

export function newModel(): FileModel[] {
  const shapes: ReadonlyArray<readonly [number, number]> = [
    [3, 0],
    [16, 0],
    [128, 512],
    [1000, 0],
  ];
  return shapes.map(([dimensions, alignment], i) => ({
    name: `rows${i}`,
    dimensions,
    alignment,
    nextId: 0,
    rows: [],
  }));
}

function must(outcome: string, what: string): void {
  if (outcome !== 'ok') throw new Error(`${what}: ${outcome}`);
}

/** The steps of one seed, on the files below `folder`; `model` follows. */
class Changes {
  private readonly random: () => number;
  private readonly folder: string;

  constructor(folder: string, seed: number) {
    this.folder = folder;
    this.random = randomSource(seed);
  }

  private below(n: number): number {
    return Math.floor(this.random() * n);
  }

  step(file: FileModel): string {
    const fd = openSync(join(this.folder, file.name), 'r+');
    try {
      if (getMeta(fd).outcome === 'ENODATA')
        must(setMeta(fd, { dimensions: file.dimensions, alignment: file.alignment }), 'SET_VECTOR_META');
      const kind = this.below(13);
      if (kind < 4) return this.append(fd, file);
      if (kind < 7) return this.overwrite(fd, file);
      if (kind < 9) return this.write(fd, file);
      if (kind < 12) return this.remove(fd, file);
      return this.cut(fd, file);
    } finally {
      closeSync(fd);
    }
  }

  private insert(
    fd: number,
    file: FileModel,
    ids: readonly number[] | undefined,
    count: number,
    flags = 0,
  ): void {
    const value = this.below(1000);
    const rows = new Float32Array(count * file.dimensions);
    for (let i = 0; i < count; i++) rows.fill(value + i, i * file.dimensions, (i + 1) * file.dimensions);
    must(
      insert(fd, rows, { dimensions: file.dimensions, flags, ...(ids === undefined ? {} : { ids }) }),
      `BATCH_INSERT of ${count} rows`,
    );
    const given = ids ?? Array.from({ length: count }, (_, i) => file.nextId + i);
    const replaced = new Set(given);
    file.rows = file.rows.filter(([id]) => !replaced.has(id));
    given.forEach((id, i) => void file.rows.push([id, value + i]));
    file.nextId = Math.max(file.nextId, ...given.map((id) => id + 1));
  }

  private append(fd: number, file: FileModel): string {
    const count = 1 + this.below(this.below(4) === 0 ? 400 : 20);
    this.insert(fd, file, undefined, count);
    return `append ${count} to ${file.name}`;
  }

  private overwrite(fd: number, file: FileModel): string {
    const ids = new Set<number>();
    for (let i = this.below(60); i >= 0; i--) ids.add(this.below(file.nextId + 20));
    this.insert(fd, file, [...ids], ids.size, OVERWRITE);
    return `overwrite ${ids.size} of ${file.name}`;
  }

  /** Rows that come by write(2) behind the end, wherever that is then. */
  private write(fd: number, file: FileModel): string {
    const stride = getStats(fd).stats.stride!;
    const count = 1 + this.below(30);
    const value = this.below(1000);
    const bytes = new Uint8Array(count * stride);
    const floats = new Float32Array(bytes.buffer);
    for (let i = 0; i < count; i++)
      floats.fill(value + i, (i * stride) / 4, (i * stride) / 4 + file.dimensions);
    appendFileSync(join(this.folder, file.name), bytes);
    for (let i = 0; i < count; i++) file.rows.push([file.nextId + i, value + i]);
    file.nextId += count;
    return `write ${count} to ${file.name}`;
  }

  /** Rows here and there, or the youngest, which lie at the end more often than not. */
  private remove(fd: number, file: FileModel): string {
    const gone = new Set<number>();
    const isEnd = this.below(3) === 0;
    for (let i = this.below(60); i >= 0; i--)
      gone.add(isEnd ? file.nextId - 1 - i : this.below(file.nextId + 20));
    const ids = [...gone].filter((id) => id >= 0);
    const first = ids[0] ?? 0;
    if (this.below(4) === 0) {
      const expected = file.rows.some(([id]) => id === first) ? 'ok' : 'ENOENT';
      const outcome = deleteRow(fd, first);
      if (outcome !== expected) throw new Error(`DELETE_EMBEDDING of ${first}: ${outcome}`);
      file.rows = file.rows.filter(([id]) => id !== first);
      return `delete ${first} of ${file.name}`;
    }
    if (ids.length > 0)
      must(deleteRows(fd, ids, { flags: DeleteFlag.MISSING_OK }), `BATCH_DELETE of ${ids.length} rows`);
    file.rows = file.rows.filter(([id]) => !gone.has(id));
    return `delete ${ids.length} of ${file.name}`;
  }

  private cut(fd: number, file: FileModel): string {
    const places = file.rows.map(([id]) => getEmbedding(fd, { id, room: 0 }).slot);
    const slots = Math.floor((Math.max(-1, ...places) + 1) * (0.5 + this.random() / 2));
    file.rows = file.rows.filter((_, i) => places[i]! < slots);
    ftruncateSync(fd, slots * getStats(fd).stats.stride!);
    return `cut ${file.name} to ${slots}`;
  }

  choose<T>(of: readonly T[]): T {
    return of[this.below(of.length)]!;
  }
}

/** Does so many steps. Returns what was done. */
export function changeRows(folder: string, model: FileModel[], seed: number, steps: number): string[] {
  const changes = new Changes(folder, seed);
  return Array.from({ length: steps }, () => changes.step(changes.choose(model)));
}

/** What a file says of its rows against the model: sentences, none when all is well. */
export function checkRows(folder: string, model: readonly FileModel[]): string[] {
  return model.flatMap((file) => checkFile(folder, file));
}

function checkFile(folder: string, file: FileModel): string[] {
  const fd = openSync(join(folder, file.name), 'r');
  try {
    if (getMeta(fd).outcome === 'ENODATA') return file.rows.length === 0 ? [] : [`${file.name}: no vectors`];
    const problems: string[] = [];
    const { stats } = getStats(fd);
    if (stats.rows !== file.rows.length) problems.push(`${stats.rows} rows and not ${file.rows.length}`);
    if (stats.next_id !== file.nextId) problems.push(`next id ${stats.next_id} and not ${file.nextId}`);
    const { size } = fstatSync(fd);
    const { slots } = getStats(fd).stats;
    if (size % stats.stride! !== 0 || size / stats.stride! > stats.slots! || size / stats.stride! < slots!)
      problems.push(`${stats.slots} slots, ${size} bytes, then ${slots} slots`);
    for (const [id, value] of file.rows) {
      const row = rowOf(fd, id, file.dimensions);
      if (typeof row === 'string' || row.some((each) => each !== value))
        problems.push(`row ${id} is ${typeof row === 'string' ? row : row.slice(0, 4)} and not ${value}`);
    }
    const wanted = [...file.rows].sort(([a, x], [b, y]) => x - y || a - b).map(([id]) => BigInt(id));
    const found = nearestIds(fd, new Float32Array(file.dimensions), Math.max(1, wanted.length));
    if (found.join() !== wanted.join()) problems.push('a search finds others');
    return problems.slice(0, 5).map((problem) => `${file.name}: ${problem}`);
  } finally {
    closeSync(fd);
  }
}
