import { constants, fstatSync, ftruncateSync, readSync, writeSync } from 'node:fs';
import { type ElementType, MAX_EMPTY_DATA_OFFSET, rowBytes, rowStride, type SearchType } from '@vexfs/shared';
import { nearestOf, storedValues } from '../../parity/client/stored_rows.js';
import { getEmbedding, getStats, insert, search, setMeta } from '../../parity/client/vector_calls.js';
import { elementAt } from '../../unit/engine/reference.js';
import type { Named, Node, Rows, RowsLayout } from './model.js';
import type { Operation } from './operation.js';
import type { Player } from './player.js';
import { rowValues, storedRows } from './row_values.js';
import { WildCalls } from './wild_calls.js';

const MOST_ROWS = 250;
const OVERWRITE = 1;
const VALIDATE = 4;
/** As docs/format.md says of packing: rows move while more than this part of the slots, and more than so many bytes, are free. */
const PACKED_PART = 4;
const PACKED_BYTES = 65_536;
const MOST_TRIES = 4_000;
const MANY_LOOKS = 100;
const PAUSE_MS = 5;
const NOBODY = new Int32Array(new SharedArrayBuffer(4));

/** Rows through ioctl(2), and what write(2) and truncate(2) do to them. */
export class RowOperations {
  private readonly player: Player;
  private readonly wild: WildCalls;

  constructor(player: Player) {
    this.player = player;
    this.wild = new WildCalls(player);
  }

  readonly actions = {
    define: (operation: Operation) => this.define(operation),
    insert: (operation: Operation) => this.insert(operation),
    search: (operation: Operation) => this.search(operation),
    getRow: (operation: Operation) => this.getRow(operation),
    stats: (operation: Operation) => this.stats(operation),
    cutRows: (operation: Operation) =>
      operation.d % 3 === 0 ? this.growRows(operation) : this.cutRows(operation),
    writeRow: (operation: Operation) => this.writeRow(operation),
    appendRows: (operation: Operation) => this.appendRows(operation),
    wildInsert: (operation: Operation) => this.wild.insert(operation),
    wildSearch: (operation: Operation) => this.wild.search(operation),
  };

  private vectors(number: number): (Named & { readonly node: Node & { rows: Rows } }) | undefined {
    const found = this.player.choose(number, ({ rows }) => rows !== undefined);
    return found as (Named & { readonly node: Node & { rows: Rows } }) | undefined;
  }

  private change(file: Named & { readonly node: Node & { rows: Rows } }, fields: Partial<Rows>): void {
    this.player.model.change(file.number, { rows: { ...file.node.rows, ...fields } });
  }

  private define({ a, b, c, d }: Operation): void {
    const file = this.player.choose(a, ({ kind }) => kind === 'file');
    if (file === undefined) return;
    const layout: RowsLayout = {
      dimensions: [1, 3, 4, 8, 17, 130][b % 6]!,
      elementType: (1 + (c % 4)) as ElementType,
      alignment: [0, 0, 8, 64, 256][d % 5]!,
      dataOffset: [0, 0, 8, 128][(b + d) % 4]!,
    };
    const had = file.node.rows;
    this.player.withFile(file.path, constants.O_RDWR, (fd) => {
      const { size } = fstatSync(fd);
      const stride = rowStride(layout.elementType, layout.dimensions, layout.alignment);
      const slots = Math.max(0, Math.floor((size - layout.dataOffset) / stride));
      if (slots > MOST_ROWS) return;
      const outcome = setMeta(fd, layout);
      const same = had !== undefined && JSON.stringify(had.layout) === JSON.stringify(layout);
      const possible = layout.dataOffset <= (size === 0 ? MAX_EMPTY_DATA_OFFSET : size);
      const wanted = !possible ? 'EINVAL' : same ? 'ok' : (had?.live.size ?? 0) > 0 ? 'EEXIST' : 'ok';
      this.player.expect(`SET_VECTOR_META of ${file.path} ${JSON.stringify(layout)}`, outcome, wanted);
      if (outcome !== 'ok' || same) return;
      const live = new Map<bigint, Buffer>();
      let nextId = had?.nextId ?? 0n;
      for (let slot = 0; slot < slots; slot++) {
        live.set(nextId, this.bytesAt(fd, layout, slot));
        nextId += 1n;
      }
      this.player.model.change(file.number, { rows: { layout, live, nextId, index: had?.index ?? '' } });
    });
  }

  private bytesAt(fd: number, layout: RowsLayout, slot: number): Buffer {
    const { elementType, dimensions, alignment, dataOffset } = layout;
    const bytes = Buffer.alloc(rowBytes(elementType, dimensions));
    readSync(fd, bytes, 0, bytes.length, dataOffset + slot * rowStride(elementType, dimensions, alignment));
    return bytes;
  }

  private insert({ a, b, c, d }: Operation): void {
    const file = this.vectors(a);
    if (file === undefined) return;
    const { layout, live, nextId } = file.node.rows;
    if (live.size > MOST_ROWS) return;
    const count = 1 + (b % 24);
    const floats = rowValues(count, layout, c);
    const flags = [0, 2, OVERWRITE, OVERWRITE, VALIDATE, VALIDATE | OVERWRITE][d % 6]!;
    const ids = b % 3 === 0 ? undefined : Array.from({ length: count }, (_, i) => this.id(c, d, i));
    const outcome = this.player.withFile(file.path, constants.O_RDWR, (fd) =>
      insert(fd, floats, { dimensions: layout.dimensions, flags, ...(ids === undefined ? {} : { ids }) }),
    );
    const given = ids ?? Array.from({ length: count }, (_, i) => nextId + BigInt(i));
    const repeats = new Set(given).size < given.length;
    const exists = (flags & OVERWRITE) === 0 && given.some((id) => live.has(id));
    const wanted = repeats ? 'EINVAL' : exists ? 'EEXIST' : 'ok';
    this.player.expect(
      `BATCH_INSERT of ${given.join(',')} flags ${flags} into ${file.path}`,
      outcome,
      wanted,
    );
    if (outcome !== 'ok' || flags === VALIDATE) return;
    const after = new Map(live);
    storedRows(floats, layout).forEach((bytes, i) => {
      after.set(given[i]!, bytes);
    });
    const most = given.reduce((high, id) => (id + 1n > high ? id + 1n : high), nextId);
    this.change(file, { live: after, nextId: most });
  }

  /** Mostly among few, so that batches meet what is there; an id twice in a batch now and then. */
  private id(c: number, d: number, i: number): bigint {
    const step = d % 11 === 0 ? 0 : 1;
    const base = c % 13 === 0 ? 2n ** 40n : 0n;
    return base + BigInt((c + i * step * (1 + (d % 3))) % 97);
  }

  private search({ a, b, c, d }: Operation): void {
    const file = this.vectors(a);
    if (file === undefined) return;
    const { layout, live } = file.node.rows;
    const { dimensions, elementType } = layout;
    const query = rowValues(1, layout, b);
    const k = 1 + (c % 15);
    const type = (d % 3) as SearchType;
    const found = this.player.withFile(file.path, constants.O_RDONLY, (fd) => {
      let result = search(fd, query, { k, type });
      while (result.outcome === 'EINTR') result = search(fd, query, { k, type });
      return result;
    });
    this.player.expect(`VECTOR_SEARCH of ${file.path}`, found.outcome, 'ok');
    const rows = [...live].map(([id, bytes]) => {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      const values = Float32Array.from({ length: dimensions }, (_, i) => elementAt(elementType, view, 0, i));
      return [id, values] as const;
    });
    const wanted = nearestOf(rows, type, storedValues(elementType, query), k);
    const text = (hits: typeof wanted): string =>
      hits.map(({ id, distance }) => `${id}:${distance}`).join(' ');
    this.player.expect(`hits of type ${type} in ${file.path}`, text([...found.hits]), text(wanted));
  }

  private getRow({ a, b, c }: Operation): void {
    const file = this.vectors(a);
    if (file === undefined) return;
    const { live, layout } = file.node.rows;
    const ids = [...live.keys()];
    const id = c % 5 === 0 || ids.length === 0 ? BigInt(b % 120) : ids[b % ids.length]!;
    const room = rowBytes(layout.elementType, layout.dimensions);
    this.player.withFile(file.path, constants.O_RDONLY, (fd) => {
      const row = getEmbedding(fd, { id, room, ...(c % 2 === 0 ? { data: 'own' as const } : {}) });
      const wanted = live.get(id);
      this.player.expect(
        `GET_EMBEDDING ${id} of ${file.path}`,
        row.outcome,
        wanted === undefined ? 'ENOENT' : 'ok',
      );
      if (wanted === undefined) return;
      this.player.expect(`row ${id}`, Buffer.from(row.bytes).toString('hex'), wanted.toString('hex'));
      const stored = this.bytesAt(fd, layout, row.slot);
      this.player.expect(`bytes of slot ${row.slot}`, stored.toString('hex'), wanted.toString('hex'));
    });
  }

  private stats({ a }: Operation): void {
    const file = this.vectors(a);
    if (file === undefined) return;
    const { live, layout, nextId } = file.node.rows;
    this.player.withFile(file.path, constants.O_RDONLY, (fd) => {
      const { outcome, stats } = getStats(fd);
      this.player.expect(`GET_STATS of ${file.path}`, outcome, 'ok');
      this.player.expect('rows', stats.rows, live.size);
      this.player.expect('next_id', stats.next_id, Number(nextId));
      this.player.expect('dimensions', stats.dimensions, layout.dimensions);
      this.player.expect('slots', stats.slots! - stats.free_slots!, live.size);
      const stride = rowStride(layout.elementType, layout.dimensions, layout.alignment);
      const { size } = fstatSync(fd);
      const slots = Math.max(0, Math.floor((size - layout.dataOffset) / stride));
      this.player.expect('slots of the size', stats.slots, slots);
    });
  }

  /**
   * Slots, once those freed lately are cut off or free and rows have moved into them: nothing moves any more until the next
   * change. How long that takes says little (an index takes its changes first); what is left to be done does. Only free slots at
   * the end that a mount has found, after a crash, stay until then: they are known by many looks.
   */
  private settled(fd: number, { layout, live }: Rows): number {
    const { elementType, dimensions, alignment } = layout;
    const stride = rowStride(elementType, dimensions, alignment);
    let last = '';
    for (let tries = 0, alike = 0; tries < MOST_TRIES; tries++) {
      this.player.synchronise(0);
      const { slots, free_slots: free } = getStats(fd).stats;
      const now = `${slots} slots, ${free} of them free`;
      alike = now === last ? alike + 1 : 0;
      last = now;
      const isPacked = free! * PACKED_PART <= slots! || free! * stride <= PACKED_BYTES;
      if (isPacked && (alike === MANY_LOOKS || this.endsWithRow(fd, layout, live, slots!))) return slots!;
      Atomics.wait(NOBODY, 0, 0, PAUSE_MS);
    }
    return this.player.fail(`rows go on moving: ${last}`);
  }

  /** Whether nothing can be cut off: the last slot holds a row, or the file goes on behind it. */
  private endsWithRow(fd: number, layout: RowsLayout, live: Rows['live'], slots: number): boolean {
    const { elementType, dimensions, alignment, dataOffset } = layout;
    const end = dataOffset + slots * rowStride(elementType, dimensions, alignment);
    const { size } = fstatSync(fd);
    if (slots === 0 || size > end) return true;
    // Free slots at the end were cut off since they were counted.
    if (size < end) return false;
    for (const id of live.keys()) if (this.slotOf(fd, layout, id) === slots - 1) return true;
    return false;
  }

  private cutRows({ a, b }: Operation): void {
    const file = this.vectors(a);
    if (file === undefined) return;
    const { layout, live } = file.node.rows;
    const stride = rowStride(layout.elementType, layout.dimensions, layout.alignment);
    this.player.withFile(file.path, constants.O_RDWR, (fd) => {
      const slots = this.settled(fd, file.node.rows);
      const left = slots - (b % Math.min(12, slots + 1));
      const kept = new Map(live);
      for (const id of live.keys()) if (this.slotOf(fd, layout, id) >= left) kept.delete(id);
      ftruncateSync(fd, layout.dataOffset + left * stride);
      this.change(file, { live: kept });
    });
  }

  private slotOf(fd: number, layout: RowsLayout, id: bigint): number {
    const row = getEmbedding(fd, { id, room: rowBytes(layout.elementType, layout.dimensions), data: 'own' });
    this.player.expect(`GET_EMBEDDING ${id}`, row.outcome, 'ok');
    return row.slot;
  }

  private growRows({ a, b }: Operation): void {
    const file = this.vectors(a);
    if (file === undefined || file.node.rows.live.size > MOST_ROWS) return;
    const { layout } = file.node.rows;
    const { elementType, dimensions, alignment, dataOffset } = layout;
    const stride = rowStride(elementType, dimensions, alignment);
    const more = 1 + (b % 6);
    this.player.withFile(file.path, constants.O_RDWR, (fd) => {
      const slots = this.settled(fd, file.node.rows);
      // A tail that was shorter than a slot is the front of the first new row.
      const rows = Array.from({ length: more }, (_, i) => this.bytesAt(fd, layout, slots + i));
      ftruncateSync(fd, dataOffset + (slots + more) * stride);
      this.adopt(file, rows);
    });
  }

  /** Rows that no call named take the next ids. */
  private adopt(file: Named & { readonly node: Node & { rows: Rows } }, rows: readonly Buffer[]): void {
    const live = new Map(file.node.rows.live);
    let { nextId } = file.node.rows;
    for (const bytes of rows) {
      live.set(nextId, bytes);
      nextId += 1n;
    }
    this.change(file, { live, nextId });
  }

  private writeRow({ a, b, c }: Operation): void {
    const file = this.vectors(a);
    if (file === undefined || file.node.rows.live.size === 0) return;
    const { layout, live } = file.node.rows;
    const ids = [...live.keys()];
    const id = ids[b % ids.length]!;
    const [bytes] = storedRows(rowValues(1, layout, c), layout);
    this.player.withFile(file.path, constants.O_RDWR, (fd) => {
      const stride = rowStride(layout.elementType, layout.dimensions, layout.alignment);
      this.settled(fd, file.node.rows);
      const at = layout.dataOffset + this.slotOf(fd, layout, id) * stride;
      this.player.expect('pwrite of a row', writeSync(fd, bytes!, 0, bytes!.length, at), bytes!.length);
    });
    this.change(file, { live: new Map(live).set(id, bytes!) });
  }

  private appendRows({ a, b, c }: Operation): void {
    const file = this.vectors(a);
    if (file === undefined || file.node.rows.live.size > MOST_ROWS) return;
    const { layout } = file.node.rows;
    const stride = rowStride(layout.elementType, layout.dimensions, layout.alignment);
    const count = 1 + (b % 5);
    const rows = storedRows(rowValues(count, layout, c), layout);
    const matrix = Buffer.alloc(count * stride);
    rows.forEach((bytes, i) => {
      bytes.copy(matrix, i * stride);
    });
    this.player.withFile(file.path, constants.O_RDWR, (fd) => {
      const at = layout.dataOffset + this.settled(fd, file.node.rows) * stride;
      this.player.expect('write behind the rows', writeSync(fd, matrix, 0, matrix.length, at), matrix.length);
    });
    this.adopt(file, rows);
  }
}
