import { checkVolume } from '@vexfs/mkfs/fsck';
import { SearchType } from '@vexfs/shared';
import test from 'ava';
import { chosen } from '../volume/seeded.js';
import { addIndexedRows, type IndexedShape } from './indexed_file.js';
import { change, emptyVolume, Image, make } from './sample_volume.js';
import { Tamper } from './tamper.js';

const { EUCLIDEAN, COSINE, DOT_PRODUCT } = SearchType;

const SHAPES: ReadonlyArray<readonly [what: string, shape: IndexedShape]> = [
  ['rows that wait for codes', { rows: 70, dimensions: 5, metric: EUCLIDEAN, m: 16 }],
  ['a trained graph', { rows: 400, dimensions: 20, metric: EUCLIDEAN, m: 16, trainRows: 100 }],
  ['a graph without norms', { rows: 150, dimensions: 70, metric: DOT_PRODUCT, m: 7, trainRows: 100 }],
  ['signs alone', { rows: 333, dimensions: 300, metric: COSINE, m: 16, isFlat: true }],
  ['two chunks of nodes', { rows: 1100, dimensions: 2000, metric: COSINE, m: 4 }],
  ['two chunks of blocks', { rows: 14_000, dimensions: 4, metric: COSINE, m: 4 }],
];
for (const [what, shape] of SHAPES) {
  test(`a snapshot that the engine has written is sound, and no chunk of it may change: ${what}`, (t) => {
    const image = emptyVolume(24 << 20);
    change(image, ({ volume, root }) =>
      addIndexedRows(volume, make(volume, root, 'rows.f32', 0o100644), shape),
    );
    t.deepEqual(checkVolume(image, { mode: 'look' }).examination?.findings.list, []);
    const tamper = new Tamper(image);
    const graph = tamper.graphInode(tamper.inode('rows.f32'));
    for (const at of [0, 0.13, 0.3, 0.57, 0.8, 0.96, 0.9999]) {
      const changed = new Image(image.bytes.slice());
      new Tamper(changed).flipContent(graph, Math.floor(at * graph.size));
      const codes = checkVolume(changed, { mode: 'look' }).examination?.findings.list.map(({ code }) => code);
      t.deepEqual(codes?.slice(0, 1), ['vector-index'], `byte ${Math.floor(at * graph.size)}`);
    }
  });
}

/** VEXFS_SNAPSHOT_STEP=1 tries every byte, which takes a minute. */
test('every byte of a snapshot counts: with any other fsck drops it, and it alone', (t) => {
  const image = emptyVolume(2 << 20);
  change(image, ({ volume, root }) =>
    addIndexedRows(volume, make(volume, root, 'rows.f32', 0o100644), {
      rows: 20,
      dimensions: 4,
      metric: DOT_PRODUCT,
      m: 4,
      trainRows: 10,
    }),
  );
  const tamper = new Tamper(image);
  const graph = tamper.graphInode(tamper.inode('rows.f32'));
  const step = chosen('VEXFS_SNAPSHOT_STEP', 7);
  let found = 0;
  let tried = 0;
  for (let at = 0; at < graph.size; at += step) {
    tamper.flipContent(graph, at);
    const { examination } = checkVolume(image, { mode: 'look' });
    if (examination!.findings.list.some(({ code }) => code === 'vector-index')) found += 1;
    tamper.flipContent(graph, at);
    tried += 1;
  }
  t.is(found, tried);
});
