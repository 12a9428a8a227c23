/** What a mounted volume has to hold, in memory. Nodes never change: a change puts another in their place, so that a copy is cheap. */
import type { ElementType } from '@vexfs/shared';

export interface RowsLayout {
  readonly dimensions: number;
  readonly elementType: ElementType;
  readonly alignment: number;
  readonly dataOffset: number;
}

export interface Rows {
  readonly layout: RowsLayout;
  /** Stored bytes of each row by its id, without padding. */
  readonly live: ReadonlyMap<bigint, Buffer>;
  readonly nextId: bigint;
  /** Type and metric of the index; '' for none. */
  readonly index: string;
}

export interface Node {
  readonly kind: 'file' | 'directory' | 'symlink' | 'pipe';
  /** Of a directory: numbers of nodes by name. */
  readonly names: ReadonlyMap<string, number>;
  /** Of a file without rows. */
  readonly content: Buffer;
  readonly target: string;
  readonly xattrs: ReadonlyMap<string, string>;
  /** Of a vector file, whose content is not looked at. */
  readonly rows: Rows | undefined;
}

export const ROOT = 0;
const EMPTY: Node = {
  kind: 'file',
  names: new Map(),
  content: Buffer.alloc(0),
  target: '',
  xattrs: new Map(),
  rows: undefined,
};

/** A name somewhere, and what it leads to. */
export interface Named {
  /** Relative to the root, with a slash in front; '' is the root. */
  readonly path: string;
  readonly parent: number;
  readonly name: string;
  readonly number: number;
  readonly node: Node;
}

export type ModelParts = readonly [nodes: ReadonlyMap<number, Node>, next: number];

export class Model {
  private readonly nodes: Map<number, Node>;
  private next: number;

  constructor(
    nodes: ReadonlyMap<number, Node> = new Map([[ROOT, { ...EMPTY, kind: 'directory' as const }]]),
    next = 1,
  ) {
    this.nodes = new Map(nodes);
    this.next = next;
  }

  copy(): Model {
    return new Model(this.nodes, this.next);
  }

  /** What the constructor takes, to be handed to another process. */
  parts(): ModelParts {
    return [this.nodes, this.next];
  }

  get(number: number): Node {
    return this.nodes.get(number)!;
  }

  change(number: number, fields: Partial<Node>): void {
    this.nodes.set(number, { ...this.get(number), ...fields });
  }

  /** Everything that has a name, directories before what is in them; a file with two names comes twice. */
  *all(): Generator<Named> {
    yield* this.below(ROOT, '');
  }

  private *below(number: number, path: string): Generator<Named> {
    for (const [name, child] of [...this.get(number).names].sort(([a], [b]) => (a < b ? -1 : 1))) {
      const node = this.get(child);
      const here = `${path}/${name}`;
      yield { path: here, parent: number, name, number: child, node };
      if (node.kind === 'directory') yield* this.below(child, here);
    }
  }

  /** Path and number of every directory, the root first. */
  directories(): Array<{ path: string; number: number }> {
    const found = [{ path: '', number: ROOT }];
    for (const { path, number, node } of this.all())
      if (node.kind === 'directory') found.push({ path, number });
    return found;
  }

  /** Names that lead to a node. */
  links(number: number): number {
    let count = 0;
    for (const node of this.nodes.values())
      for (const child of node.names.values()) if (child === number) count += 1;
    return count;
  }

  /** What stat(2) says of the links of a directory: its own two, and the `..` of those in it. */
  directoryLinks(number: number): number {
    let count = 2;
    for (const child of this.get(number).names.values()) if (this.get(child).kind === 'directory') count += 1;
    return count;
  }

  add(parent: number, name: string, fields: Partial<Node>): number {
    const number = this.next;
    this.next += 1;
    this.nodes.set(number, { ...EMPTY, ...fields });
    this.setName(parent, name, number);
    return number;
  }

  /** Without a number the name goes. */
  setName(parent: number, name: string, number: number | undefined): void {
    const names = new Map(this.get(parent).names);
    if (number === undefined) names.delete(name);
    else names.set(name, number);
    this.change(parent, { names });
  }

  /** Whether a directory is another, or lies below it. */
  isBelow(number: number, ancestor: number): boolean {
    if (number === ancestor) return true;
    return [...this.get(ancestor).names.values()].some(
      (child) => this.get(child).kind === 'directory' && this.isBelow(number, child),
    );
  }
}
