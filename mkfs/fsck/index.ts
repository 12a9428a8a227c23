/** fsck.vexfs: the checker as a library, for tests and tools; its command line is main.ts, which takes longer to load. */
export { applyRepairs } from './apply.js';
export { type Examination, type ExamineOptions, examine } from './examine.js';
export type { Finding } from './finding.js';
export type { Outcome } from './report.js';
export { RowHistory } from './row_history.js';
export { type LiveRows, RowState, withoutRepeatedIds } from './row_state.js';
export { checkVolume, type RunOptions } from './run.js';
export { UncheckableError } from './superblock_check.js';
