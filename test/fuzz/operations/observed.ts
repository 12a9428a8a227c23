/** What a mount shows, and how it differs from a model. */
import { closeSync, constants, lstatSync, openSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { rowBytes } from '@vexfs/shared';
import { getEmbedding, getMeta, getStats } from '../../parity/client/vector_calls.js';
import { getXattr, listXattr } from '../../parity/operations/calls.js';
import type { Model, Node, RowsLayout } from './model.js';

export interface SeenRows {
  readonly layout: RowsLayout;
  readonly count: number;
  readonly nextId: bigint;
  readonly bytes: ReadonlyMap<bigint, Buffer>;
}

export interface Seen {
  readonly kind: Node['kind'];
  readonly links: number;
  readonly size: number;
  readonly content: Buffer;
  readonly target: string;
  readonly xattrs: ReadonlyMap<string, string>;
  readonly rows: SeenRows | undefined;
}

/** Everything below `root` by its relative path; of vector files the rows with the ids `ask`. */
export function observe(root: string, ask: (path: string) => Iterable<bigint>): Map<string, Seen> {
  const seen = new Map<string, Seen>();
  const walk = (path: string): void => {
    for (const name of readdirSync(root + path).sort()) {
      const here = `${path}/${name}`;
      seen.set(here, look(root + here, ask(here)));
      if (seen.get(here)!.kind === 'directory') walk(here);
    }
  };
  walk('');
  return seen;
}

function look(path: string, ids: Iterable<bigint>): Seen {
  const status = lstatSync(path);
  const kind = status.isDirectory()
    ? 'directory'
    : status.isSymbolicLink()
      ? 'symlink'
      : status.isFIFO()
        ? 'pipe'
        : 'file';
  const xattrs = new Map<string, string>();
  if (kind === 'file' || kind === 'directory') {
    const names = listXattr(path);
    if (typeof names === 'string') throw new Error(`llistxattr ${path}: ${names}`);
    for (const name of names) xattrs.set(name, String(getXattr(path, name)));
  }
  return {
    kind,
    links: status.nlink,
    size: status.size,
    content: kind === 'file' ? readFileSync(path) : Buffer.alloc(0),
    target: kind === 'symlink' ? readlinkSync(path) : '',
    xattrs,
    rows: kind === 'file' ? rowsOf(path, ids) : undefined,
  };
}

function rowsOf(path: string, ids: Iterable<bigint>): SeenRows | undefined {
  const fd = openSync(path, constants.O_RDONLY);
  try {
    const meta = getMeta(fd);
    if (meta.outcome === 'ENODATA') return undefined;
    if (meta.outcome !== 'ok') throw new Error(`GET_VECTOR_META of ${path}: ${meta.outcome}`);
    const { stats } = getStats(fd);
    const { dimensions, elementType, alignment, dataOffset } = meta;
    const layout = { dimensions, elementType, alignment, dataOffset } as RowsLayout;
    const bytes = new Map<bigint, Buffer>();
    for (const id of ids) {
      const row = getEmbedding(fd, { id, room: rowBytes(layout.elementType, dimensions), data: 'own' });
      if (row.outcome === 'ok') bytes.set(id, Buffer.from(row.bytes));
      else if (row.outcome !== 'ENOENT') throw new Error(`GET_EMBEDDING of ${path}: ${row.outcome}`);
    }
    return { layout, count: stats.rows!, nextId: BigInt(stats.next_id!), bytes };
  } finally {
    closeSync(fd);
  }
}

/**
 * The first difference between what is seen and a model, in a sentence. `versions` gives the nodes that a file may have the
 * bytes of instead of its own, byte by byte.
 */
export function difference(
  seen: ReadonlyMap<string, Seen>,
  model: Model,
  versions: (number: number) => readonly Node[] = () => [],
): string | undefined {
  let count = 0;
  for (const { path, number, node } of model.all()) {
    count += 1;
    const found = seen.get(path);
    if (found === undefined) return `${path} is missing`;
    const wrong = differs(found, node, model, number, versions(number));
    if (wrong !== undefined) return `${path} ${wrong}`;
  }
  if (count === seen.size) return undefined;
  const known = new Set([...model.all()].map(({ path }) => path));
  return `${[...seen.keys()].find((path) => !known.has(path))} is there and should not be`;
}

function differs(
  found: Seen,
  node: Node,
  model: Model,
  number: number,
  versions: readonly Node[],
): string | undefined {
  if (found.kind !== node.kind) return `is a ${found.kind}, not a ${node.kind}`;
  const links = node.kind === 'directory' ? model.directoryLinks(number) : model.links(number);
  if (found.links !== links) return `has ${found.links} links, not ${links}`;
  if (found.target !== node.target) return `leads to ${found.target}, not to ${node.target}`;
  if (JSON.stringify([...found.xattrs].sort()) !== JSON.stringify([...node.xattrs].sort()))
    return `has the attributes ${JSON.stringify([...found.xattrs])}, not ${JSON.stringify([...node.xattrs])}`;
  if (node.kind !== 'file') return undefined;
  if (node.rows === undefined) {
    if (found.rows !== undefined) return 'has rows and should not';
    // Rows that were written over in place when the file had become a vector file stay written, whichever state came back.
    const hadRows = versions.some(({ rows }) => rows !== undefined);
    if (hadRows && found.content.length === node.content.length) return undefined;
    return bytesDiffer(
      found.content,
      node.content,
      versions.map(({ content }) => content),
    );
  }
  return rowsDiffer(found.rows, node, versions);
}

function bytesDiffer(found: Buffer, wanted: Buffer, others: readonly Buffer[]): string | undefined {
  if (found.length !== wanted.length) return `has ${found.length} bytes, not ${wanted.length}`;
  if (found.equals(wanted)) return undefined;
  const at = found.findIndex(
    (byte, i) => byte !== wanted[i] && !others.some((other) => (other[i] ?? 0) === byte),
  );
  return at < 0 ? undefined : `has the byte ${found[at]} at ${at}, not ${wanted[at]}`;
}

function rowsDiffer(found: SeenRows | undefined, node: Node, versions: readonly Node[]): string | undefined {
  const rows = node.rows!;
  if (found === undefined) return 'has no rows and should have';
  if (JSON.stringify(found.layout) !== JSON.stringify(rows.layout))
    return `has the layout ${JSON.stringify(found.layout)}, not ${JSON.stringify(rows.layout)}`;
  if (found.count !== rows.live.size) return `has ${found.count} rows, not ${rows.live.size}`;
  if (found.nextId !== rows.nextId) return `gives the id ${found.nextId} next, not ${rows.nextId}`;
  for (const [id, bytes] of rows.live) {
    const has = found.bytes.get(id);
    if (has === undefined) return `has no row ${id}`;
    const others = versions
      .map((version) => version.rows?.live.get(id))
      .filter((other) => other !== undefined);
    const wrong = bytesDiffer(has, bytes, others);
    if (wrong !== undefined) return `row ${id} ${wrong}`;
  }
  return undefined;
}
