import { attr, ENTRY_ATTR_OFFSET, entryOut, OPCODE, openOut } from '@vexfs/fuse/protocol';
import type { Reply } from './peer.js';

/** What a kernel would know by now: inodes that it was told of, and descriptors that are open. */
export class World {
  readonly nodes: number[] = [1];
  readonly directories: number[] = [1];
  readonly handles: number[] = [];
  /** Cookies that listings have ended with. */
  readonly cookies: bigint[] = [0n];

  /** Learns from a reply. Throws when it says what cannot be. */
  learn(opcode: number, nodeid: number, { payload, view }: Reply): void {
    if (ENTRIES.includes(opcode)) this.entry(view);
    if (opcode === OPCODE.CREATE || opcode === OPCODE.TMPFILE)
      this.handles.push(openOut.fh.get(view, entryOut.$.size));
    if (opcode === OPCODE.OPEN || opcode === OPCODE.OPENDIR) {
      this.handles.push(openOut.fh.get(view, 0));
      if (opcode === OPCODE.OPENDIR && !this.directories.includes(nodeid)) this.directories.push(nodeid);
    }
    if (opcode === OPCODE.READDIR && payload.length >= 24) this.cookies.push(view.getBigUint64(8, true));
    for (const list of [this.nodes, this.handles, this.cookies]) if (list.length > 200) list.splice(1, 50);
  }

  private entry(view: DataView): void {
    const nodeid = entryOut.nodeid.get(view, 0);
    if (nodeid === 0) return;
    const ino = attr.ino.get(view, ENTRY_ATTR_OFFSET);
    if (ino !== nodeid) throw new Error(`an entry leads to node ${nodeid} with the number ${ino}`);
    if (!this.nodes.includes(nodeid)) this.nodes.push(nodeid);
    const mode = attr.mode.get(view, ENTRY_ATTR_OFFSET);
    if ((mode & 0o170000) === 0o040000 && !this.directories.includes(nodeid)) this.directories.push(nodeid);
  }
}

const ENTRIES: readonly number[] = [
  OPCODE.LOOKUP,
  OPCODE.SYMLINK,
  OPCODE.MKNOD,
  OPCODE.MKDIR,
  OPCODE.LINK,
  OPCODE.CREATE,
  OPCODE.TMPFILE,
];
