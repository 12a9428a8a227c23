/** The text of kernel/include/uapi/vss.h. */
import {
  VSS_MAGIC,
  VSS_MAX_DIMENSION,
  VSS_MAX_K,
  VSS_NO_ID,
  vssCommands,
  vssQuery,
  vssStats,
  vssVector,
} from '../vss.js';
import { defines, headerText, structDefinition } from './source.js';
import { commandMacro } from './vexfs.js';

export function vssHeader(): string {
  const commands = Object.entries(vssCommands).map(([name, command]) => [
    `VSS_${name}`,
    commandMacro('VSS_IOC_MAGIC', command),
  ]);
  return headerText({
    guard: '_UAPI_VSS_H',
    assertion: 'VSS_LAYOUT_ASSERT',
    includes: ['linux/ioctl.h', 'linux/types.h'],
    about:
      'The ioctl protocol of /dev/vss: a bounded Euclidean store in memory. The first vector fixes the dimension.',
    parts: [
      `#define VSS_IOC_MAGIC '${VSS_MAGIC}'`,
      defines({ VSS_MAX_DIMENSION, VSS_MAX_K }),
      defines({ VSS_NO_ID }, true),
      structDefinition(
        vssVector,
        { endian: 'host' },
        { about: 'VSS_ADD_VECTOR', fields: { id: 'a vector with the same id is replaced' } },
      ),
      structDefinition(
        vssQuery,
        { endian: 'host' },
        {
          about: 'VSS_QUERY_TOP_K. Past the last vector ids are VSS_NO_ID and distances +infinity.',
          fields: { k: '1 to VSS_MAX_K', result_ids: 'out, nearest first', distances: 'out' },
        },
      ),
      structDefinition(vssStats, { endian: 'host' }, { about: 'VSS_GET_STATS' }),
      defines(Object.fromEntries(commands) as Record<string, string>),
    ],
    structs: [vssVector, vssQuery, vssStats],
  });
}
