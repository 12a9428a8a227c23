import { constants } from 'node:fs';
import { rowBytes, type SearchType } from '@vexfs/shared';
import { deleteRow } from '../../parity/client/delete_calls.js';
import { searchBatch } from '../../parity/client/index_calls.js';
import { addRow, getRows, type Put, updateRow } from '../../parity/client/row_calls.js';
import { search } from '../../parity/client/vector_calls.js';
import type { Named, Node, Rows } from './model.js';
import type { Operation } from './operation.js';
import type { Player } from './player.js';
import { rowValues, storedRows } from './row_values.js';

const MOST_ROWS = 250;
const NO_ID = 2n ** 64n - 1n;
const MISSING_OK = 1;

type VectorNode = Named & { readonly node: Node & { rows: Rows } };

/** Rows one by one and many at once: ADD, UPDATE, DELETE_EMBEDDING, BATCH_GET, BATCH_SEARCH. */
export class EmbeddingOperations {
  private readonly player: Player;

  constructor(player: Player) {
    this.player = player;
  }

  readonly actions = {
    addRow: (operation: Operation) => this.add(operation),
    updateRow: (operation: Operation) => this.update(operation),
    deleteRow: (operation: Operation) => this.delete(operation),
    getRows: (operation: Operation) => this.getRows(operation),
    searchBatch: (operation: Operation) => this.searchBatch(operation),
  };

  private vectors(number: number): VectorNode | undefined {
    return this.player.choose(number, ({ rows }) => rows !== undefined) as VectorNode | undefined;
  }

  /** One row, as stored or as floats, inline or behind a pointer. */
  private put(
    put: typeof addRow,
    file: VectorNode,
    id: bigint,
    { c, d }: Operation,
  ): { readonly stored: Buffer; readonly answer: Put } {
    const { layout } = file.node.rows;
    const floats = rowValues(1, layout, c);
    const [stored] = storedRows(floats, layout);
    const answer = this.player.withFile(file.path, constants.O_RDWR, (fd) =>
      put(fd, {
        id,
        dimensions: layout.dimensions,
        ...(d % 2 === 0 ? { vector: floats, elementType: 1 } : { vector: stored! }),
        ...(d % 3 === 0 ? { data: 'own' as const } : {}),
      }),
    );
    return { stored: stored!, answer };
  }

  private add(operation: Operation): void {
    const { a, b } = operation;
    const file = this.vectors(a);
    if (file === undefined || file.node.rows.live.size > MOST_ROWS) return;
    const { live, nextId } = file.node.rows;
    const given = b % 3 === 0 ? NO_ID : BigInt(b % 97);
    const id = given === NO_ID ? nextId : given;
    const { stored, answer } = this.put(addRow, file, given, operation);
    const wanted = live.has(id) ? 'EEXIST' : 'ok';
    this.player.expect(`ADD_EMBEDDING ${given} to ${file.path}`, answer.outcome, wanted);
    if (wanted !== 'ok') return;
    this.player.expect('id', answer.id, id);
    this.player.model.change(file.number, {
      rows: {
        ...file.node.rows,
        live: new Map(live).set(id, stored),
        nextId: id + 1n > nextId ? id + 1n : nextId,
      },
    });
  }

  private update(operation: Operation): void {
    const { a, b } = operation;
    const file = this.vectors(a);
    if (file === undefined) return;
    const { live } = file.node.rows;
    const id = this.idOf(live, b);
    const { stored, answer } = this.put(updateRow, file, id, operation);
    const wanted = live.has(id) ? 'ok' : 'ENOENT';
    this.player.expect(`UPDATE_EMBEDDING ${id} of ${file.path}`, answer.outcome, wanted);
    if (wanted === 'ok') this.setLive(file, new Map(live).set(id, stored));
  }

  private delete({ a, b, c }: Operation): void {
    const file = this.vectors(a);
    if (file === undefined) return;
    const { live } = file.node.rows;
    const id = this.idOf(live, b);
    const flags = c % 2 === 0 ? MISSING_OK : 0;
    const outcome = this.player.withFile(file.path, constants.O_RDWR, (fd) => deleteRow(fd, id, { flags }));
    const wanted = live.has(id) || flags === MISSING_OK ? 'ok' : 'ENOENT';
    this.player.expect(`DELETE_EMBEDDING ${id} flags ${flags} from ${file.path}`, outcome, wanted);
    if (wanted === 'ok') this.setLive(file, new Map([...live].filter(([each]) => each !== id)));
  }

  /** Mostly one that is there. */
  private idOf(live: ReadonlyMap<bigint, Buffer>, b: number): bigint {
    const ids = [...live.keys()];
    return ids.length === 0 || b % 6 === 0 ? BigInt(b % 120) : ids[b % ids.length]!;
  }

  private setLive(file: VectorNode, live: ReadonlyMap<bigint, Buffer>): void {
    this.player.model.change(file.number, { rows: { ...file.node.rows, live } });
  }

  private getRows({ a, b, c }: Operation): void {
    const file = this.vectors(a);
    if (file === undefined) return;
    const { live, layout } = file.node.rows;
    const { dimensions, elementType } = layout;
    const ids = Array.from({ length: 1 + (b % 9) }, (_, i) => this.idOf(live, c + i * 5));
    const flags = b % 2 === 0 ? MISSING_OK : 0;
    const bytes = rowBytes(elementType, dimensions);
    const got = this.player.withFile(file.path, constants.O_RDONLY, (fd) =>
      getRows(fd, { ids, dimensions, room: ids.length * bytes, flags }),
    );
    const wanted = flags === MISSING_OK || ids.every((id) => live.has(id)) ? 'ok' : 'ENOENT';
    this.player.expect(`BATCH_GET of ${ids.join(',')} flags ${flags} of ${file.path}`, got.outcome, wanted);
    if (wanted !== 'ok') return;
    const rows = Buffer.concat(ids.map((id) => live.get(id) ?? Buffer.alloc(bytes)));
    this.player.expect('rows', Buffer.from(got.bytes).toString('hex'), rows.toString('hex'));
    this.player.expect('found', got.found.join(), ids.map((id) => Number(live.has(id))).join());
  }

  /** Each query is answered as VECTOR_SEARCH answers it, whose answers the model knows. */
  private searchBatch({ a, b, c, d }: Operation): void {
    const file = this.vectors(a);
    if (file === undefined) return;
    const { dimensions } = file.node.rows.layout;
    const count = 1 + (b % 5);
    const queries = rowValues(count, file.node.rows.layout, c);
    const options = { dimensions, k: 1 + (c % 15), type: (d % 3) as SearchType };
    this.player.withFile(file.path, constants.O_RDONLY, (fd) => {
      let batch = searchBatch(fd, queries, options);
      while (batch.outcome === 'EINTR') batch = searchBatch(fd, queries, options);
      this.player.expect(`BATCH_SEARCH of ${file.path}`, batch.outcome, 'ok');
      this.player.expect('zeros behind the hits', batch.restIsZero, true);
      batch.hits.forEach((hits, i) => {
        const query = queries.subarray(i * dimensions, (i + 1) * dimensions);
        let alone = search(fd, query, options);
        while (alone.outcome === 'EINTR') alone = search(fd, query, options);
        const text = (found: typeof hits): string =>
          found.map(({ id, distance }) => `${id}:${distance}`).join(' ');
        this.player.expect(`hits of query ${i} in ${file.path}`, text(hits), text(alone.hits));
      });
    });
  }
}
