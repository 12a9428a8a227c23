/** Which header holds which text. */
import { diskHeader } from './disk.js';
import { vexfsHeader } from './vexfs.js';
import { vssHeader } from './vss.js';

/** Path below the repository's root, and the text that belongs there. */
export function generatedFiles(): ReadonlyArray<readonly [path: string, text: string]> {
  return [
    ['kernel/include/uapi/vexfs.h', vexfsHeader()],
    ['kernel/include/uapi/vss.h', vssHeader()],
    ['kernel/include/uapi/vexfs_disk.h', diskHeader()],
  ];
}
