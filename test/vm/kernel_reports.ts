/** The first lines of what the kernel prints when it finds a defect in itself. */
const OPENINGS = [
  /\bBUG: /,
  /\bkernel BUG at /,
  /\bWARNING: (CPU|possible|suspicious|inconsistent|bad|held|nested|lock|process|kernel stack|\S+:\d+ at )/i,
  /\bOops\b/,
  /\bKernel panic\b/,
  /\bKASAN: /,
  /\bUBSAN: /,
  /\bkmemleak: \d+ new suspected/,
  /\bINFO: (task|rcu|possible)/,
  /\bModules linked in:/,
  /\bObjects remaining in vexfs/,
  /\bVFS: Busy inodes after unmount/,
  /\bvexfs: Unknown symbol/,
  /\bSegfault with no mm\b/,
];
/** Of the kernel itself: jbd2 does not look whether there was memory for /proc/fs/jbd2/DEVICE/info, and misses it at unmount. */
const ITS_OWN = /remove_proc_entry\+.*\n.*name 'info'/;
const LINES = 40;

/** Reports of defects in a log of the kernel, each with the lines that follow it. Whatever the cause: nothing else runs there. */
export function kernelReports(log: string): string[] {
  const lines = log.split('\n');
  const reports: string[] = [];
  for (let i = 0; i < lines.length; i++) {
    if (!OPENINGS.some((opening) => opening.test(lines[i]!))) continue;
    const report = lines.slice(i, i + LINES).join('\n');
    if (!ITS_OWN.test(report)) reports.push(report);
    i += LINES;
  }
  return reports;
}
