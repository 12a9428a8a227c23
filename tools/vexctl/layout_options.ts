/** The options that say how a new file is laid out: `create` and `insert --create` share them. */
import { MAX_ALIGNMENT_BYTES } from '@vexfs/shared';
import type { Options } from 'yargs';
import type { ElementName } from '../client/index.js';
import { wholeNumber } from './whole_number.js';

export const elementNames: readonly ElementName[] = ['float32', 'float16', 'int8', 'binary'];

export const layoutOptions = {
  type: {
    choices: elementNames,
    requiresArg: true,
    default: 'float32' as ElementName,
    describe: 'How components are stored; they go in and come out as float32 whatever this is',
  },
  align: {
    type: 'number',
    requiresArg: true,
    default: 0,
    coerce: wholeNumber('align', 0, MAX_ALIGNMENT_BYTES),
    describe: `Pad rows to a multiple of this many bytes: 0, or a power of two up to ${MAX_ALIGNMENT_BYTES}`,
  },
  'data-offset': {
    type: 'number',
    requiresArg: true,
    default: 0,
    coerce: wholeNumber('data-offset', 0, Number.MAX_SAFE_INTEGER),
    describe: 'Byte at which the rows start, a multiple of the element size',
  },
} as const satisfies Record<string, Options>;
