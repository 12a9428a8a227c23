/** Files that take longest begin first: one of them at the end would leave the other processor idle. */
const LONG = [
  'kernel/processors/processors',
  'kernel/crossing/crossing',
  'kernel/writing',
  'kernel/rows/indexes',
  'kernel/hostile/kills',
  'kernel/cross_mount',
  'kernel/names_cut',
];

function rank(file) {
  const at = LONG.findIndex((name) => file.endsWith(`/${name}.test.js`));
  return at < 0 ? LONG.length : at;
}

// Every test file is a process of its own: tests mount, chdir and load native libraries, and one that crashes must
// take no other down. Two at a time, because a third only waits for the disk.
export default {
  files: ['dist/**/*.test.js'],
  workerThreads: false,
  concurrency: 2,
  sortTestFiles: (one, other) => rank(one) - rank(other) || (one < other ? -1 : 1),
  timeout: `${120 * Number(process.env.VEXFS_SLOWNESS ?? 1)}s`,
  utilizeParallelBuilds: false,
  // In a guest the checkout cannot be written.
  cache: process.env.VEXFS_BACKEND !== 'kernel',
};
