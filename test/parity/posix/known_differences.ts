import type { Difference } from './table.js';

/** Answers that differ from those of ext4 for a reason, which docs/differences.md gives. */
interface Known {
  readonly backend: 'fuse' | 'kernel';
  readonly row: RegExp;
  readonly expected: RegExp;
  readonly actual: RegExp;
}

const fuse = 'fuse';
const kernel = 'kernel';

const KNOWN: readonly Known[] = [
  // The kernel does not know of the immutable and append-only flags: what it checks itself comes before them.
  {
    backend: fuse,
    row: /^flags: immutable/,
    expected: /^EPERM$/,
    actual: /^(EACCES|EISDIR|ENOTDIR|ECONNREFUSED)$/,
  },
  { backend: fuse, row: /^flags: append-only/, expected: /^EPERM$/, actual: /^(EACCES|EISDIR|ENOTDIR)$/ },
  { backend: fuse, row: /^flags: immutable.*: access W /, expected: /^EPERM$/, actual: /^ok$/ },
  { backend: fuse, row: /^flags: append-only file: mmap 2002$/, expected: /^EACCES$/, actual: /^ENODEV$/ },
  // Nor does it tell chown(2) of -1:-1 from a change of content: who is not the owner changes nothing and is not refused.
  {
    backend: fuse,
    row: /^(owners|privileges): .*(chown d\/. -1:-1|chown to nobody else)/,
    expected: /^EPERM$/,
    actual: /^ok( d\/f:c)?$/,
  },
  {
    backend: fuse,
    row: /^privileges: 4777 with a capability/,
    expected: /^ok d\/f:/,
    actual: /^ok d\/f:0777,/,
  },
  // Times that the kernel does not tell of, and reads that it answers itself.
  { backend: fuse, row: /^open: fifo: use of RW/, expected: / d\/p:0604,mc$/, actual: / d\/p:0604,c$/ },
  { backend: fuse, row: /^times: read behind the end$/, expected: /^ok d\/f:a$/, actual: /^ok$/ },
  { backend: fuse, row: /^times: copy_file_range$/, expected: / d\/f:a /, actual: /^8 d:mc \+d\/new/ },
  // O_DIRECT needs no alignment.
  { backend: fuse, row: /^open: .*: use of .\|DIRECT$/, expected: /^4[67]\d /, actual: /^4[67]\d / },
  { backend: kernel, row: /^open: .*: use of .\|DIRECT$/, expected: /^4[67]\d /, actual: /^4[67]\d / },
  // The root of a guest, which these questions are about, is that of the host, and cannot be written.
  {
    backend: kernel,
    row: /^paths: (access W|connect|open TMPFILE): root$/,
    expected: /^(ok|ECONNREFUSED)$/,
    actual: /^EROFS$/,
  },
  {
    backend: kernel,
    row: /^paths: (getxattr|name_to_handle_at): root$/,
    expected: /^(ok|ENODATA)$/,
    actual: /^EOPNOTSUPP$/,
  },
  { backend: fuse, row: /^held: removed cwd: open TMPFILE$/, expected: /^EPERM /, actual: /^ENOENT / },
];

/** Those that are not known. `unused` takes what is known and did not occur, of the rows that the tables hold. */
export function unknown(
  backend: string,
  found: readonly Difference[],
  unused: string[] = [],
  rows: Iterable<string> = [],
): Difference[] {
  const known = KNOWN.filter((entry) => entry.backend === backend);
  const used = new Set<Known>();
  const left = found.filter((difference) => {
    const entry = known.find(
      ({ row, expected, actual }) =>
        row.test(difference.row) && expected.test(difference.expected) && actual.test(difference.actual),
    );
    if (entry !== undefined) used.add(entry);
    return entry === undefined;
  });
  const titles = [...rows];
  for (const entry of known) {
    if (!used.has(entry) && titles.some((row) => entry.row.test(row)))
      unused.push(`${entry.row} ${entry.expected}`);
  }
  return left;
}
