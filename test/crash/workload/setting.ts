import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { setXattr } from '../../parity/operations/calls.js';
import type { Seeded } from '../../unit/volume/seeded.js';
import { buildIndex, COSINE_GRAPH } from './index_operations.js';
import { makeVectors, putRows } from './rows.js';
import { Tree, treeNode } from './tree.js';

/** Fills a new folder with what the operations work on. Returns the tree of it. */
export function makeSetting(folder: string, random: Seeded): Tree {
  const tree = new Tree();
  for (const path of ['d', 'e', 'empty']) {
    mkdirSync(`${folder}/${path}`);
    tree.add(path, treeNode('folder'));
  }
  for (const [path, sizes] of [
    ['a', [0, 300, 5000]],
    ['b', [4096, 12_288, 50_000]],
    ['d/x', [1, 9000]],
  ] as const) {
    const content = Buffer.from(random.bytes(random.of(sizes)));
    writeFileSync(`${folder}/${path}`, content);
    tree.add(path, treeNode('file', { content }));
  }
  const xattrs = new Map([['user.one', 'first'.repeat(random.of([1, 100]))]]);
  for (const [name, value] of xattrs) setXattr(`${folder}/b`, name, value);
  tree.change('b', { xattrs });
  symlinkSync('a', `${folder}/s`);
  tree.add('s', treeNode('symlink', { content: Buffer.from('a') }));
  for (const [path, index] of [
    ['v', ''],
    ['w', COSINE_GRAPH],
  ] as const) {
    writeFileSync(`${folder}/${path}`, '');
    makeVectors(`${folder}/${path}`);
    const rows = new Map(Array.from({ length: 1 + random.below(80) }, (_, id) => [id, 1 + (id % 9)]));
    putRows(`${folder}/${path}`, rows, false);
    if (index !== '') buildIndex(`${folder}/${path}`, index);
    tree.add(path, treeNode('vectors', { rows, index }));
  }
  return tree;
}
