import { OPCODE } from '../protocol/index.js';

const opcodes: ReadonlySet<number> = new Set([
  OPCODE.LOOKUP,
  OPCODE.GETATTR,
  OPCODE.STATX,
  OPCODE.READLINK,
  OPCODE.OPEN,
  OPCODE.READ,
  OPCODE.OPENDIR,
  OPCODE.READDIR,
  OPCODE.READDIRPLUS,
  OPCODE.GETXATTR,
  OPCODE.LISTXATTR,
  OPCODE.LSEEK,
]);

/**
 * Whether a request may be given up anywhere before its reply and tried again: it changes nothing, so that it never waits for the
 * disk. Requests that change something follow lookups of what they name; what else they need of the volume's metadata (bitmaps, mostly)
 * they wait for.
 */
export function canBeTriedAgain(opcode: number): boolean {
  return opcodes.has(opcode);
}
