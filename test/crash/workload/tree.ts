/** One file, folder or symbolic link. Never changed: an operation puts a new one in its place. */
export interface TreeNode {
  readonly kind: 'file' | 'vectors' | 'folder' | 'symlink' | 'fifo';
  /** Bytes of a file, target of a symlink; of a vector file empty, its rows count. */
  readonly content: Buffer;
  /** Permission bits. */
  readonly mode: number;
  /** Seconds, when an operation has set it; undefined after one that leaves it to the clock. */
  readonly mtime: number | undefined;
  readonly xattrs: ReadonlyMap<string, string>;
  /** Of a vector file: by id the number that all elements of the row have. */
  readonly rows: ReadonlyMap<number, number>;
  /** Of a vector file: its index, as index_operations.ts names it. */
  readonly index: string;
}

const NOTHING = Buffer.alloc(0);

export function treeNode(kind: TreeNode['kind'], fields: Partial<TreeNode> = {}): TreeNode {
  const mode = kind === 'folder' ? 0o755 : kind === 'symlink' ? 0o777 : 0o644;
  const blank = {
    kind,
    content: NOTHING,
    mode,
    mtime: undefined,
    xattrs: new Map(),
    rows: new Map(),
    index: '',
  };
  return { ...blank, ...fields };
}

/** What a folder should hold: names, and the nodes that they lead to by numbers of our own, so that links can share one. */
export class Tree {
  readonly names: Map<string, number>;
  readonly nodes: Map<number, TreeNode>;
  private next: number;

  constructor(other?: Tree) {
    this.names = new Map(other?.names);
    this.nodes = new Map(other?.nodes);
    this.next = other?.next ?? 1;
  }

  /** The node of a path such as `d/x`. */
  at(path: string): TreeNode {
    const node = this.nodes.get(this.numberOf(path));
    if (node === undefined) throw new Error(`${path} is a name of nothing`);
    return node;
  }

  numberOf(path: string): number {
    const number = this.names.get(path);
    if (number === undefined) throw new Error(`there is no ${path}`);
    return number;
  }

  add(path: string, node: TreeNode): void {
    this.names.set(path, this.next);
    this.nodes.set(this.next, node);
    this.next += 1;
  }

  change(path: string, fields: Partial<TreeNode>): void {
    this.nodes.set(this.numberOf(path), { ...this.at(path), mtime: undefined, ...fields });
  }

  link(path: string, other: string): void {
    this.names.set(other, this.numberOf(path));
  }

  remove(path: string): void {
    const number = this.numberOf(path);
    this.names.delete(path);
    if (![...this.names.values()].includes(number)) this.nodes.delete(number);
  }

  /** Moves a name, and of a folder all below it, over whatever is there. */
  rename(from: string, to: string): void {
    if (this.names.has(to)) this.remove(to);
    for (const [path, number] of [...this.names]) {
      if (path !== from && !path.startsWith(`${from}/`)) continue;
      this.names.delete(path);
      this.names.set(to + path.slice(from.length), number);
    }
  }

  exchange(one: string, other: string): void {
    this.rename(one, '\0');
    this.rename(other, one);
    this.rename('\0', other);
  }

  links(path: string): number {
    const number = this.numberOf(path);
    if (this.nodes.get(number)!.kind !== 'folder')
      return [...this.names.values()].filter((one) => one === number).length;
    return 2 + this.below(path).filter((one) => this.at(one).kind === 'folder').length;
  }

  /** Paths of what lies directly in a folder; '' is the folder of the tree. */
  below(folder: string): string[] {
    return [...this.names.keys()].filter((path) => parentOf(path) === folder);
  }

  /** Paths of all nodes of some kinds, in order of the alphabet. */
  of(...kinds: ReadonlyArray<TreeNode['kind']>): string[] {
    return [...this.names.keys()].filter((path) => kinds.includes(this.at(path).kind)).sort();
  }
}

/** '' for a name in the folder of the tree itself. */
export function parentOf(path: string): string {
  return path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '';
}
