/** How a vector file is laid out, in the words of the client. */
import { CompressionType, ElementType, elementNames, StorageFormat, vectorFileInfo } from '@vexfs/shared';

export type ElementName = 'float32' | 'float16' | 'int8' | 'binary';

/** What a file is created with. */
export interface Layout {
  /** Components of a vector, 1 to 65536. */
  readonly dimensions: number;
  /** How components are stored; `float32` when absent. Rows go in and come out as float32 whatever this is. */
  readonly elementType?: ElementName;
  /** Rows are padded to this many bytes: 0 (absent: packed) or a power of two up to 4096. */
  readonly alignment?: number;
  /** Byte at which the matrix starts; 0 when absent. */
  readonly dataOffset?: number;
}

export interface FileInfo {
  readonly dimensions: number;
  readonly elementType: ElementName;
  /** Live rows; 4294967295 stands for that many or more. */
  readonly rows: number;
  readonly storageFormat: 'dense' | 'sparse' | 'compressed';
  readonly compression: 'none' | 'lz4' | 'zstd';
  readonly dataOffset: number;
  readonly alignment: number;
}

export const elementTypes: ReadonlyMap<string, ElementType> = new Map(
  Object.values(ElementType).map((type) => [elementNames[type], type]),
);

/** @throws RangeError for a number that no field of the protocol carries; the filesystem checks the rest. */
export function unsigned(value: number, bits: 32 | 53, what: string): number {
  if (!Number.isInteger(value) || value < 0 || value >= 2 ** bits)
    throw new RangeError(`${what} ${value} is out of range`);
  return value;
}

/** @throws RangeError when a number or name cannot be expressed in the protocol */
export function encodeLayout(layout: Layout): Uint8Array {
  const argument = new Uint8Array(vectorFileInfo.$.size);
  const view = new DataView(argument.buffer);
  const name = layout.elementType ?? 'float32';
  const type = elementTypes.get(name);
  if (type === undefined)
    throw new RangeError(`element type '${name}' is none of ${[...elementTypes.keys()].join(', ')}`);
  vectorFileInfo.dimensions.set(view, 0, unsigned(layout.dimensions, 32, 'dimensions'));
  vectorFileInfo.element_type.set(view, 0, type);
  vectorFileInfo.storage_format.set(view, 0, StorageFormat.DENSE);
  vectorFileInfo.compression_type.set(view, 0, CompressionType.NONE);
  vectorFileInfo.data_offset.set(view, 0, unsigned(layout.dataOffset ?? 0, 53, 'dataOffset'));
  vectorFileInfo.alignment_bytes.set(view, 0, unsigned(layout.alignment ?? 0, 32, 'alignment'));
  return argument;
}

function nameOf<Name extends string>(names: readonly Name[], value: number, what: string): Name {
  const name = names[value];
  if (name === undefined)
    throw new RangeError(`the filesystem answered ${what} ${value}, which this version does not know`);
  return name;
}

const storageNames = ['dense', 'sparse', 'compressed'] as const;
const compressionNames = ['none', 'lz4', 'zstd'] as const;

/** @throws RangeError for a type that this version does not know */
export function elementName(value: number): ElementName {
  return nameOf(['float32', 'float16', 'int8', 'binary'] as const, value - 1, 'element type');
}

/** @throws RangeError for a type or format that this version does not know */
export function decodeInfo(argument: Uint8Array): FileInfo {
  const view = new DataView(argument.buffer, argument.byteOffset, argument.byteLength);
  return {
    dimensions: vectorFileInfo.dimensions.get(view, 0),
    elementType: elementName(vectorFileInfo.element_type.get(view, 0)),
    rows: vectorFileInfo.vector_count.get(view, 0),
    storageFormat: nameOf(storageNames, vectorFileInfo.storage_format.get(view, 0), 'storage format'),
    compression: nameOf(compressionNames, vectorFileInfo.compression_type.get(view, 0), 'compression'),
    dataOffset: vectorFileInfo.data_offset.get(view, 0),
    alignment: vectorFileInfo.alignment_bytes.get(view, 0),
  };
}
