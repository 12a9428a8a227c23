import { readFileSync, readlinkSync } from 'node:fs';

/** Capability numbers of include/uapi/linux/capability.h. */
export const CAP_FOWNER = 3;
export const CAP_FSETID = 4;
export const CAP_LINUX_IMMUTABLE = 9;
export const CAP_SYS_ADMIN = 21;

/** Whether `gid` is the file system group of a thread or one of its further groups; false when nothing can be learnt. */
export function isMember(pid: number, gid: number): boolean {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1');
    const own = /^Gid:\s*\d+\s+\d+\s+\d+\s+(\d+)/m.exec(status)?.[1];
    const further = /^Groups:[ \t]*(.*)$/m.exec(status)?.[1]?.split(' ') ?? [];
    return own === `${gid}` || further.includes(`${gid}`);
  } catch {
    return false;
  }
}

/**
 * Whether a thread holds a capability in its effective set. Read from /proc while the caller is blocked in its request;
 * false when nothing can be learnt.
 */
export function hasCapability(pid: number, capability: number): boolean {
  try {
    // Who is root in a user namespace of his own holds every capability there, and none here.
    if (readlinkSync(`/proc/${pid}/ns/user`) !== readlinkSync('/proc/self/ns/user')) return false;
    const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1];
    return effective !== undefined && ((BigInt(`0x${effective}`) >> BigInt(capability)) & 1n) === 1n;
  } catch {
    return false;
  }
}
