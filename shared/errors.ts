/**
 * What an errno means when VexFS answers it: one sentence on what happened, one on what to do next. Numbers are those
 * of include/uapi/asm-generic/errno.h, which x86-64, arm64 and riscv64 share.
 */
import { MAX_BYTES_PER_CALL, MAX_K, MAX_NAME_BYTES, MAX_ROWS_PER_CALL } from './limits.js';

export const Errno = {
  EPERM: 1,
  ENOENT: 2,
  EINTR: 4,
  EIO: 5,
  ENXIO: 6,
  E2BIG: 7,
  EBADF: 9,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EFAULT: 14,
  EBUSY: 16,
  EEXIST: 17,
  ENODEV: 19,
  ENOTDIR: 20,
  EISDIR: 21,
  EINVAL: 22,
  EMFILE: 24,
  ENOTTY: 25,
  EFBIG: 27,
  ENOSPC: 28,
  EROFS: 30,
  ENAMETOOLONG: 36,
  ENOSYS: 38,
  ELOOP: 40,
  ENODATA: 61,
  EOVERFLOW: 75,
  EOPNOTSUPP: 95,
  ECONNABORTED: 103,
  ENOTCONN: 107,
  ESTALE: 116,
  EUCLEAN: 117,
  EDQUOT: 122,
} as const;
export type ErrnoCode = keyof typeof Errno;

export interface ErrnoMeaning {
  /** What happened, in terms of vector files. */
  readonly meaning: string;
  /** What the caller can do next. */
  readonly advice: string;
}

const meanings: Readonly<Record<ErrnoCode, ErrnoMeaning>> = {
  EPERM: {
    meaning:
      'The file is immutable or append-only, belongs to somebody else, or the daemon may not touch the memory of this program.',
    advice:
      'Check lsattr and the owner. Where /proc/sys/kernel/yama/ptrace_scope is 1, call prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY) first (the client library does); where it is 2 or 3, run the daemon as root.',
  },
  ENOENT: {
    meaning: 'There is no row with this id, or the file has no index.',
    advice:
      'Check the id: ids are not slot numbers, and removed rows leave no trace. `vexctl index create` makes an index.',
  },
  EINTR: {
    meaning: 'A signal arrived before the call was done, and nothing was changed.',
    advice: 'Call again.',
  },
  EIO: {
    meaning: 'The device did not deliver or take the data.',
    advice: 'Look at the kernel log for errors of the device, then run fsck.vexfs on the unmounted volume.',
  },
  ENXIO: { meaning: 'There is no device behind this name.', advice: 'Check that the device is attached.' },
  E2BIG: {
    meaning: 'The call asks for more than one call may carry.',
    advice: `Send at most ${MAX_ROWS_PER_CALL} rows and ${MAX_BYTES_PER_CALL} bytes a call and ask for at most ${MAX_K} results.`,
  },
  EBADF: {
    meaning: 'The file was not opened in the way that the call needs.',
    advice: 'Open it for reading to search and read, for writing to insert and to set metadata.',
  },
  EAGAIN: { meaning: 'The file or the volume is locked at the moment.', advice: 'Try again a little later.' },
  ENOMEM: {
    meaning: 'There is not enough memory for this call.',
    advice: 'Use smaller batches, or give the daemon more memory.',
  },
  EACCES: {
    meaning: 'The permissions of the file or of a directory above it do not allow this.',
    advice: 'Check them with ls -l and getfacl.',
  },
  EFAULT: {
    meaning: 'A pointer of the call leads to memory that is not there or is too short.',
    advice: 'Check that every buffer holds as many elements as the counts of the call promise.',
  },
  EBUSY: {
    meaning: 'The file or the volume is in use by somebody else.',
    advice: 'End the programs that use it (fuser -vm shows them) and try again.',
  },
  EEXIST: {
    meaning: 'An id of the batch is in use already, or the file holds rows of another layout.',
    advice:
      'Insert with OVERWRITE to replace rows; to change the layout remove the rows (truncate the file) or use a new file.',
  },
  ENODEV: { meaning: 'The volume is no longer mounted.', advice: 'Mount it again and reopen the file.' },
  ENOTDIR: { meaning: 'A part of the path is not a directory.', advice: 'Check the path.' },
  EISDIR: { meaning: 'The path is a directory.', advice: 'Name a file in it.' },
  EINVAL: {
    meaning: 'A field of the call or a value in the data is not allowed.',
    advice:
      'Check that dimensions match the file (vexctl info), that no id occurs twice in the batch, and that all values fit the element type.',
  },
  EMFILE: { meaning: 'This program has too many files open.', advice: 'Close some, or raise ulimit -n.' },
  ENOTTY: {
    meaning:
      'The file does not know this command: it does not lie on a mounted VexFS volume, or the backend is older.',
    advice: 'Check with findmnt -T FILE that the path is on a mounted VexFS volume.',
  },
  EFBIG: {
    meaning: 'The file would grow past the largest size that is allowed.',
    advice: 'Spread the rows over several files; ulimit -f may set a lower bound.',
  },
  ENOSPC: {
    meaning: 'The volume has not enough free blocks or inodes.',
    advice:
      'Free some space (df -h and df -i show what is left) and insert again: nothing of the batch was stored.',
  },
  EROFS: {
    meaning: 'The volume is mounted read-only.',
    advice:
      'Mount it read-write; after an error it may have become read-only by itself, so check the log first.',
  },
  ENAMETOOLONG: {
    meaning: 'A name of the path is too long.',
    advice: `Names have at most ${MAX_NAME_BYTES} bytes.`,
  },
  ENOSYS: {
    meaning: 'The kernel does not have this call.',
    advice: 'Check the kernel version against the installation page.',
  },
  ELOOP: { meaning: 'The path leads through too many symbolic links.', advice: 'Use the path they lead to.' },
  ENODATA: {
    meaning: 'The file carries no vectors: its dimensions and element type were never set.',
    advice: 'Set them with vexctl create FILE --dimensions N, or SET_VECTOR_META.',
  },
  EOVERFLOW: {
    meaning: 'The numbers of this file are used up: no id, slot or size is left that fits.',
    advice: 'Give ids explicitly, or go on in a new file.',
  },
  EOPNOTSUPP: {
    meaning: 'The call is known but this file or backend does not support what it asks for.',
    advice:
      'Use dense, uncompressed storage on a regular file; docs/differences.md lists what each backend lacks.',
  },
  ECONNABORTED: {
    meaning: 'The connection to the daemon was aborted.',
    advice: 'Unmount, look at the log of the daemon, and mount again.',
  },
  ENOTCONN: {
    meaning: 'The daemon that served this mount has ended.',
    advice:
      'Unmount with fusermount3 -u or umount, look at its log, and mount again; the journal is replayed.',
  },
  ESTALE: { meaning: 'The file was removed while it was in use.', advice: 'Open it again by its path.' },
  EUCLEAN: {
    meaning: 'The volume is damaged at this place.',
    advice: 'Unmount it and run fsck.vexfs.',
  },
  EDQUOT: { meaning: 'The quota of the owner is used up.', advice: 'Free some space or raise the quota.' },
};

const codes = new Map<number, ErrnoCode>(
  Object.entries(Errno).map(([code, number]) => [number, code as ErrnoCode]),
);

/** The name of an errno, as in `ENOTTY`; for one that VexFS never answers, `errno N`. */
export function errnoCode(errno: number): string {
  return codes.get(errno) ?? `errno ${errno}`;
}

/** Where opening a file means something narrower than a call on it does. */
const openMeanings: Readonly<Partial<Record<ErrnoCode, ErrnoMeaning>>> = {
  EPERM: {
    meaning: 'The file is immutable, or append-only.',
    advice: 'Check lsattr; chattr -i or -a takes the mark away.',
  },
  ENOENT: {
    meaning: 'There is no such file.',
    advice: 'Check the path; vexctl create, or insert --create, makes a new file.',
  },
  EEXIST: { meaning: 'There is such a file already.', advice: 'Use another name.' },
  EINVAL: { meaning: 'The path or the way of opening it is not allowed here.', advice: 'Check the path.' },
};

/** Where a call of the protocol of /dev/vss means something else than one on a file of a volume. */
const vssMeanings: Readonly<Partial<Record<ErrnoCode, ErrnoMeaning>>> = {
  EBADF: {
    meaning: 'It was not opened in the way that the call needs.',
    advice: 'Open it for reading to query, for writing to add.',
  },
  EINVAL: {
    meaning: 'The id, k, the dimension or a value is not allowed here.',
    advice:
      'Check that there are as many components as in the first vector that was added (VSS_GET_STATS tells), and that all are finite.',
  },
  ENOMEM: {
    meaning: 'The machine has not enough memory for another vector.',
    advice: 'Free some; what is there is kept.',
  },
  ENOSPC: {
    meaning: 'As many vectors as the store may hold are there.',
    advice:
      'Replace vectors by their ids, or give more room: capacity= of vss.ko, --capacity of vexfs-vss; either begins empty.',
  },
  ENOTTY: {
    meaning: 'This is no store of vectors, or it does not know this command.',
    advice: 'Name /dev/vss or the file of a vexfs-vss mount.',
  },
};

const narrower = { open: openMeanings, call: {}, vss: vssMeanings } as const;

/**
 * What happened and what to do; undefined for a number that VexFS never answers.
 * @param on whether a path was opened, an open file was asked for something, or a store of the protocol of /dev/vss was
 */
export function errnoMeaning(errno: number, on: 'open' | 'call' | 'vss' = 'call'): ErrnoMeaning | undefined {
  const code = codes.get(errno);
  if (code === undefined) return undefined;
  const narrow: Readonly<Partial<Record<ErrnoCode, ErrnoMeaning>>> = narrower[on];
  return narrow[code] ?? meanings[code];
}
