import { isElementType, MAX_ROWS_PER_FILE, rowBytes, rowStride } from '@vexfs/shared';

/** How the rows of a set lie in the file: what SET_VECTOR_META fixes. */
export interface RowLayout {
  readonly dimensions: number;
  readonly elementType: number;
  readonly storageFormat: number;
  readonly compressionType: number;
  /** 0 or a power of two, in bytes. */
  readonly alignment: number;
  /** Byte of the file where slot 0 begins. */
  readonly dataOffset: number;
}

/** Bytes of a row without padding. */
export function bytesOfRow(layout: RowLayout): number {
  return isElementType(layout.elementType) ? rowBytes(layout.elementType, layout.dimensions) : 0;
}

/** Bytes from one slot to the next. */
export function strideOf(layout: RowLayout): number {
  return isElementType(layout.elementType)
    ? rowStride(layout.elementType, layout.dimensions, layout.alignment)
    : 0;
}

/** Whole slots in a file of `size` bytes. */
export function slotsIn(layout: RowLayout, size: number): number {
  if (size <= layout.dataOffset) return 0;
  return Math.min(MAX_ROWS_PER_FILE, Math.floor((size - layout.dataOffset) / strideOf(layout)));
}
