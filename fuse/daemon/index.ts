/** The parts of the daemon that tests drive by themselves; programs use `vexfs-fuse`. */
export { DaemonThreads } from './threads.js';
export type { VectorFile } from './vector_file.js';
export { VectorFiles } from './vector_files.js';
