/**
 * Which files of the parity suite are run against the kernel module.
 *
 * The module is still learning to write, so of most files some tests pass and some do not. `npm test` runs those that
 * pass wholly: what works must not break again. A file is added here when its last test passes, and the list goes when
 * all are in it. `node test/dist/parity/guest/main.js --all` runs the others too.
 */
export const PASSING: readonly string[] = [
  'adoption',
  'block_sizes/blocks_1k',
  'caller_memory',
  'coherence',
  'distances',
  'durability',
  'files',
  'full_disk',
  'index/supported',
  'inserts',
  'large_batches',
  'names',
  'operations/acls',
  'operations/descriptors',
  'operations/file_flags',
  'operations/links_and_nodes',
  'operations/mount_options',
  'operations/space',
  'operations/times',
  'operations/xattrs',
  'permissions',
  'posix/fsx/fsx_1k',
  'posix/fsx/fsx_4k',
  'protocol',
  'regressions/cut_then_insert',
  'regressions/large_overwrite',
  'regressions/slots_without_ids',
  'set_lifecycle',
  'signals',
  'stored_matrix',
  'threads',
  'vss/answers',
  'vss/client',
  'vss/refusals',
  'vss/threads',
];

/** Tests of the daemon itself, as a process with a log, signals and helpers of its own: the module has none. */
export const ABOUT_THE_DAEMON: readonly string[] = [
  'regressions/background_log',
  'regressions/damaged_inodes',
  'regressions/signals_of_the_daemon',
  'vss/program',
];
