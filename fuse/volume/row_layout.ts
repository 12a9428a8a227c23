import {
  elementBytes,
  isElementType,
  MAX_ALIGNMENT_BYTES,
  MAX_DIMENSIONS,
  MAX_ROWS_PER_FILE,
  rowBytes,
  rowStride,
  setHeader,
} from '@vexfs/shared';

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

/** What the header of a set says. */
export function layoutIn(header: DataView): RowLayout {
  return {
    dimensions: setHeader.dimensions.get(header, 0),
    elementType: setHeader.element_type.get(header, 0),
    storageFormat: setHeader.storage_format.get(header, 0),
    compressionType: setHeader.compression_type.get(header, 0),
    alignment: setHeader.alignment.get(header, 0),
    dataOffset: setHeader.data_offset.get(header, 0),
  };
}

/** Whether a set on a volume can have it; anything else is damage. */
export function isPossibleLayout(layout: RowLayout): boolean {
  const { dimensions, elementType, alignment, dataOffset } = layout;
  return (
    dimensions >= 1 &&
    dimensions <= MAX_DIMENSIONS &&
    isElementType(elementType) &&
    layout.storageFormat === 0 &&
    layout.compressionType === 0 &&
    alignment <= MAX_ALIGNMENT_BYTES &&
    (alignment & (alignment - 1)) === 0 &&
    Number.isSafeInteger(dataOffset) &&
    dataOffset % elementBytes(elementType) === 0
  );
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
