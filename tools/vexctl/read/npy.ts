import { binaryRows, checkShape } from './binary_rows.js';
import { openSized } from './bytes.js';
import { elements } from './element.js';
import { readNpyHeader } from './npy_header.js';
import { type RowSource, SourceError } from './source.js';

/**
 * A .npy array of shape (rows, dimensions), or (dimensions,) for a single row, of float16, float32, float64, int8 or
 * uint8, little-endian.
 * @throws SourceError when it is anything else
 */
export async function openNpy(path: string): Promise<RowSource> {
  const file = await openSized(path);
  try {
    const element = (descr: string) => {
      const found = Object.hasOwn(elements, descr) ? elements[descr] : undefined;
      if (found !== undefined) return found;
      const known = Object.keys(elements).join(' ');
      throw new SourceError(
        path,
        `has elements of type '${descr}', readable are ${known}; convert with a.astype('<f4')`,
      );
    };
    const { descr, shape, start } = await readNpyHeader(file, (name) => element(name).bytes);
    if (shape.length !== 1 && shape.length !== 2) {
      throw new SourceError(path, `has the shape (${shape.join(', ')}); wanted is (rows, dimensions)`);
    }
    const dimensions = shape.at(-1)!;
    const rowCount = shape.length === 1 ? 1 : shape[0]!;
    checkShape(path, dimensions, rowCount);
    const { bytes } = element(descr);
    const layout = {
      dimensions,
      rowCount,
      start,
      stride: dimensions * bytes,
      lead: 0,
      element: element(descr),
    };
    return binaryRows(file, layout);
  } catch (error) {
    await file.handle.close();
    throw error;
  }
}
