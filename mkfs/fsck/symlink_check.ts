import { type Inode, walkExtents } from '@vexfs/fuse/volume';
import type { Check } from './check.js';

/** Why the target of a long symlink cannot be read in full; undefined when it can. */
export function reasonAgainstTarget(check: Check, inode: Inode): string | undefined {
  const { blockSize } = check.geometry;
  const target = new Uint8Array(Math.ceil(inode.size / blockSize) * blockSize);
  let end = 0;
  let nodes = 0;
  walkExtents(check.tree, inode, {
    // A target of 4095 bytes has four blocks at most: what has more nodes is no symlink that VexFS wrote.
    node: () => ++nodes <= 4,
    extent(run) {
      for (let i = 0; i < run.length && run.logical + i === end && end * blockSize < target.length; i++) {
        if (!run.unwritten) {
          const at = end * blockSize;
          check.device.read((run.physical + i) * blockSize, target.subarray(at, at + blockSize));
          end += 1;
        }
      }
    },
    damage() {},
  });
  if (end * blockSize < inode.size) return `the target of the symlink ${inode.number} is not all there`;
  const isText = !target.subarray(0, inode.size).includes(0);
  return isText ? undefined : `the target of the symlink ${inode.number} has a NUL in it`;
}
