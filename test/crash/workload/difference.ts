import type { Found, FoundTree } from './found.js';
import type { Tree, TreeNode } from './tree.js';

/** Contents that a file of the tree, by its number, may show bytes of besides its own: of later writes to the same places. */
export type LaterContents = (number: number) => readonly Buffer[];

/** The first difference between what was found and what should be there, as a sentence; undefined when there is none. */
export function differenceOf(
  found: FoundTree,
  tree: Tree,
  later: LaterContents = () => [],
): string | undefined {
  for (const path of found.keys()) if (!tree.names.has(path)) return `${path} is there`;
  const numbers = new Map<number, number>();
  for (const [path, number] of tree.names) {
    const one = found.get(path);
    if (one === undefined) return `${path} is missing`;
    const known = numbers.get(number);
    if (known !== undefined && known !== one.number) return `${path} is another file than its link`;
    numbers.set(number, one.number);
    const difference =
      nodeDifference(one, tree.at(path), later(number)) ??
      (one.links === tree.links(path) ? undefined : `${one.links} links instead of ${tree.links(path)}`);
    if (difference !== undefined) return `${path}: ${difference}`;
  }
  if (new Set(numbers.values()).size !== numbers.size) return 'two files have become one';
  return undefined;
}

function nodeDifference(found: Found, node: TreeNode, later: readonly Buffer[]): string | undefined {
  if (found.kind !== node.kind) return `a ${found.kind} instead of a ${node.kind}`;
  if (found.mode !== node.mode)
    return `the mode ${found.mode.toString(8)} instead of ${node.mode.toString(8)}`;
  if (node.mtime !== undefined && found.mtime !== node.mtime)
    return `the time ${found.mtime}, not ${node.mtime}`;
  if (found.index !== node.index) return `the index '${found.index}' instead of '${node.index}'`;
  return (
    contentDifference(found.content, node.content, later) ??
    mapDifference('attribute', found.xattrs, node.xattrs) ??
    mapDifference('row', found.rows, node.rows)
  );
}

function contentDifference(found: Buffer, content: Buffer, later: readonly Buffer[]): string | undefined {
  if (found.length !== content.length) return `${found.length} bytes instead of ${content.length}`;
  if (found.equals(content)) return undefined;
  const at = found.findIndex(
    (byte, i) => byte !== content[i] && !later.some((other) => (other[i] ?? 0) === byte),
  );
  return at < 0 ? undefined : `${found[at]} instead of ${content[at]} at byte ${at} of ${found.length}`;
}

function mapDifference<Key, Value>(
  what: string,
  found: ReadonlyMap<Key, Value>,
  wanted: ReadonlyMap<Key, Value>,
): string | undefined {
  for (const [key, value] of wanted)
    if (!Object.is(found.get(key), value)) return `${what} ${key} is ${found.get(key)} instead of ${value}`;
  for (const key of found.keys()) if (!wanted.has(key)) return `${what} ${key} is there`;
  return undefined;
}
