import { constants } from 'node:fs';
import { IndexOperation } from '@vexfs/shared';
import { deleteRows } from '../../parity/client/delete_calls.js';
import { type Managed, manage } from '../../parity/client/index_calls.js';
import type { Named, Node, Rows } from './model.js';
import type { Operation } from './operation.js';
import type { Player } from './player.js';

const { CREATE, TUNE, WAIT, VERIFY, REBUILD, DROP, INFO } = IndexOperation;
const MISSING_OK = 1;

type VectorNode = Named & { readonly node: Node & { rows: Rows } };

/** Deletions, and the calls on an index. All sets are so small that each search is exact, with or without one. */
export class IndexOperations {
  private readonly player: Player;

  constructor(player: Player) {
    this.player = player;
  }

  readonly actions = {
    deleteRows: (operation: Operation) => this.deleteRows(operation),
    createIndex: (operation: Operation) => this.create(operation),
    manageIndex: (operation: Operation) => this.manage(operation),
  };

  private vectors(number: number): VectorNode | undefined {
    return this.player.choose(number, ({ rows }) => rows !== undefined) as VectorNode | undefined;
  }

  private change(file: VectorNode, fields: Partial<Rows>): void {
    this.player.model.change(file.number, { rows: { ...file.node.rows, ...fields } });
  }

  private call(file: VectorNode, operation: number, fields: Readonly<Record<string, number>> = {}): Managed {
    return this.player.withFile(file.path, constants.O_RDWR, (fd) => {
      let managed = manage(fd, operation, fields);
      while (managed.outcome === 'EINTR') managed = manage(fd, operation, fields);
      return managed;
    });
  }

  private deleteRows({ a, b, c, d }: Operation): void {
    const file = this.vectors(a);
    if (file === undefined) return;
    const { live } = file.node.rows;
    const known = [...live.keys()];
    const count = 1 + (b % 60);
    const ids = new Set(
      Array.from({ length: count }, (_, i) =>
        known.length > 0 && (c + i) % 7 !== 0 ? known[(c + i * 3) % known.length]! : BigInt((d + i) % 150),
      ),
    );
    const flags = d % 2 === 0 ? MISSING_OK : 0;
    const outcome = this.player.withFile(file.path, constants.O_RDWR, (fd) =>
      deleteRows(fd, [...ids], { flags }),
    );
    const wanted = flags === MISSING_OK || [...ids].every((id) => live.has(id)) ? 'ok' : 'ENOENT';
    this.player.expect(
      `BATCH_DELETE of ${[...ids].join(',')} flags ${flags} from ${file.path}`,
      outcome,
      wanted,
    );
    if (outcome !== 'ok') return;
    this.change(file, { live: new Map([...live].filter(([id]) => !ids.has(id))) });
  }

  private create({ a, b, c, d }: Operation): void {
    const file = this.vectors(a);
    if (file === undefined) return;
    const type = [1, 1, 1, 2, 2, 3][b % 6]!;
    const metric = c % 3;
    const m = [0, 4, 7, 16, 64, 3, 65][d % 7]!;
    const { outcome } = this.call(file, CREATE, { type, metric, m, ef_construction: c % 50 });
    const possible = type <= 2 && (type === 1 || metric === 1) && m !== 3 && m !== 65;
    const wanted = !possible ? 'EINVAL' : file.node.rows.index !== '' ? 'EEXIST' : 'ok';
    this.player.expect(`CREATE of the index ${type} ${metric} with M ${m} of ${file.path}`, outcome, wanted);
    if (outcome === 'ok') this.change(file, { index: `${type} ${metric}` });
  }

  private manage({ a, b, c }: Operation): void {
    const file = this.vectors(a);
    if (file === undefined) return;
    const operation = [TUNE, WAIT, WAIT, VERIFY, REBUILD, DROP, INFO][b % 7]!;
    const fields = operation === TUNE ? { ef_search: 1 + (c % 200) } : {};
    const { outcome, info } = this.call(file, operation, fields);
    const { index, live } = file.node.rows;
    const wanted = index === '' && operation !== INFO ? 'ENOENT' : 'ok';
    this.player.expect(`operation ${operation} on the index of ${file.path}`, outcome, wanted);
    if (outcome !== 'ok') return;
    const after = operation === DROP ? '' : index;
    this.player.expect('index', info.type === 0 ? '' : `${info.type} ${info.metric}`, after);
    this.player.expect('rows', info.rows, live.size);
    if (operation === WAIT) this.player.expect('changes that wait', info.lag, 0);
    this.change(file, { index: after });
  }
}
