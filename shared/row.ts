/** How one row lies in the matrix of a vector file. */
import { ElementType } from './ioctl.js';

/** The names that people type and read. */
export const elementNames: Readonly<Record<ElementType, string>> = {
  [ElementType.FLOAT32]: 'float32',
  [ElementType.FLOAT16]: 'float16',
  [ElementType.INT8]: 'int8',
  [ElementType.BINARY]: 'binary',
};

export function isElementType(value: number): value is ElementType {
  return Object.hasOwn(elementNames, value);
}

/** Bytes of one element; BINARY packs eight into a byte, which is also what `data_offset` must be a multiple of. */
export function elementBytes(type: ElementType): number {
  if (type === ElementType.FLOAT32) return 4;
  return type === ElementType.FLOAT16 ? 2 : 1;
}

/** Bytes of one row without the padding behind it. */
export function rowBytes(type: ElementType, dimensions: number): number {
  return type === ElementType.BINARY ? Math.ceil(dimensions / 8) : dimensions * elementBytes(type);
}

/** Bytes from one slot to the next. @param alignment 0 or a power of two */
export function rowStride(type: ElementType, dimensions: number, alignment: number): number {
  const bytes = rowBytes(type, dimensions);
  return alignment === 0 ? bytes : Math.ceil(bytes / alignment) * alignment;
}
