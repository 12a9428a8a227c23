// Every test file is a process of its own: tests mount, chdir and load native libraries, and one that crashes must
// take no other down. Two at a time, because a third only waits for the disk.
export default {
  files: ['dist/**/*.test.js'],
  workerThreads: false,
  concurrency: 2,
  timeout: `${120 * Number(process.env.VEXFS_SLOWNESS ?? 1)}s`,
  utilizeParallelBuilds: false,
  // In a guest the checkout cannot be written.
  cache: process.env.VEXFS_BACKEND !== 'kernel',
};
