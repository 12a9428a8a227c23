import { readFileSync, readlinkSync } from 'node:fs';

/** Capability numbers of include/uapi/linux/capability.h. */
export const CAP_FSETID = 4;

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
