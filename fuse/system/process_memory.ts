import { errno } from './errno.js';
import { bind, orErrno } from './libc.js';
import { putVector, putWord, scratch, scratchAddress } from './scratch.js';

type VmTransfer = (
  pid: number,
  local: number,
  localCount: number,
  remote: number,
  remoteCount: number,
  flags: number,
) => number;

const signature = ['int', 'int64_t', 'uint64_t', 'int64_t', 'uint64_t', 'uint64_t'];
const readvRaw = bind<VmTransfer>('process_vm_readv', 'int64_t', signature);
const writevRaw = bind<VmTransfer>('process_vm_writev', 'int64_t', signature);

/** Bytes of one call. The kernel cuts at 0x7ffff000 (MAX_RW_COUNT); smaller pieces keep one call short. */
const PIECE = 1 << 28;
const TOP = 1n << 64n;
const LOW = 0xffffffffn;

/**
 * Copies `length` bytes from `remote` in the memory of process (or thread) `pid` to `local` in ours.
 * All or nothing: returns `length`, or -EFAULT when any byte of the remote range is not readable, -EPERM when that
 * memory may not be touched (another user, Yama, not dumpable), -ESRCH when there is no such process, -ENOMEM, -EINVAL.
 * `remote` may be any 64-bit value: it comes from the other process unchecked.
 */
export function readProcess(pid: number, local: number, remote: bigint, length: number): number {
  return transfer(readvRaw, pid, local, remote, length);
}

/** The other direction: from `local` in our memory to `remote` in theirs. Returns as readProcess; a fault may leave a part written. */
export function writeProcess(pid: number, local: number, remote: bigint, length: number): number {
  return transfer(writevRaw, pid, local, remote, length);
}

function transfer(call: VmTransfer, pid: number, local: number, remote: bigint, length: number): number {
  if (!Number.isSafeInteger(length) || length < 0) return -errno.EINVAL;
  if (remote < 0n || remote + BigInt(length) > TOP) return -errno.EFAULT;
  let done = 0;
  while (done < length) {
    const piece = Math.min(length - done, PIECE);
    const from = remote + BigInt(done);
    putVector(0, local + done, piece);
    scratch.setUint32(16, Number(from & LOW), true);
    scratch.setUint32(20, Number(from >> 32n), true);
    putWord(24, piece);
    const moved = orErrno(call(pid, scratchAddress, 1, scratchAddress + 16, 1, 0));
    if (moved < 0) return moved;
    // A short count means that the next page faulted: trying again from there gives the reason.
    if (moved === 0) return -errno.EFAULT;
    done += moved;
  }
  return length;
}

/** A range of our memory and where it goes in another process. */
export interface Transfer {
  readonly local: number;
  readonly remote: bigint;
  readonly bytes: number;
}

/** Ranges that fit into the scratch block twice: a vector for each side. */
const MOST_TRANSFERS = 8;

/** writeProcess for at most 8 ranges with one call: 0, or -errno as there. */
export function writeProcessAll(pid: number, transfers: readonly Transfer[]): number {
  let count = 0;
  let total = 0;
  for (const { local, remote, bytes } of transfers) {
    if (bytes === 0) continue;
    if (count === MOST_TRANSFERS || !Number.isSafeInteger(bytes) || bytes < 0) return -errno.EINVAL;
    if (remote < 0n || remote + BigInt(bytes) > TOP) return -errno.EFAULT;
    putVector(count * 16, local, bytes);
    const at = (MOST_TRANSFERS + count) * 16;
    scratch.setBigUint64(at, remote, true);
    putWord(at + 8, bytes);
    count += 1;
    total += bytes;
  }
  if (count === 0) return 0;
  const far = scratchAddress + MOST_TRANSFERS * 16;
  const moved = total > PIECE ? -1 : orErrno(writevRaw(pid, scratchAddress, count, far, count, 0));
  if (moved === total) return 0;
  // Too much for one call, or cut short: range by range, which says what is wrong.
  for (const { local, remote, bytes } of transfers) {
    const written = writeProcess(pid, local, remote, bytes);
    if (written !== bytes) return written;
  }
  return 0;
}
