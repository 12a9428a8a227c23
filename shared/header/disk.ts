/** The text of kernel/include/uapi/vexfs_disk.h. */
import { diskConstants, diskStructs } from '../disk.js';
import { defines, headerText, structDefinition } from './source.js';

export function diskHeader(): string {
  return headerText({
    guard: '_UAPI_VEXFS_DISK_H',
    assertion: 'VEXFS_DISK_ASSERT',
    includes: ['linux/types.h'],
    about: 'The on-disk structures of a VexFS volume, little-endian; docs/format.md explains them.',
    parts: [
      defines(diskConstants, true),
      ...diskStructs.map((layout) => structDefinition(layout, { endian: 'little' })),
    ],
    structs: diskStructs,
  });
}
