import { binaryRows, checkShape } from './binary_rows.js';
import { openSized, readExactly } from './bytes.js';
import { elements } from './element.js';
import { type RowSource, SourceError } from './source.js';

/**
 * The formats of the TEXMEX corpora (corpus-texmex.irisa.fr): each row is its dimension as int32, then so many
 * float32 (.fvecs) or bytes (.bvecs).
 * @throws SourceError when the first dimension is impossible or the rows do not fill the file
 */
export async function openVecs(path: string, descr: '<f4' | '|u1'): Promise<RowSource> {
  const file = await openSized(path);
  try {
    if (file.size < 4) throw new SourceError(path, `${file.size} bytes hold no row`);
    const dimensions = new DataView((await readExactly(file, 0, 4)).buffer).getInt32(0, true);
    const element = elements[descr]!;
    const stride = 4 + dimensions * element.bytes;
    const rowCount = Math.floor(file.size / stride);
    checkShape(path, dimensions, rowCount);
    const rest = file.size % stride;
    if (rest !== 0) {
      const whole = `rows of ${dimensions} dimensions take ${stride} bytes, ${rest} bytes are left over`;
      throw new SourceError(path, `is cut short or not of this format: ${whole}`, `row ${rowCount}`);
    }
    const checkLead = (view: DataView, offset: number): string | undefined => {
      const own = view.getInt32(offset, true);
      return own === dimensions ? undefined : `has ${own} dimensions, row 0 has ${dimensions}`;
    };
    return binaryRows(file, { dimensions, rowCount, start: 0, stride, lead: 4, element, checkLead });
  } catch (error) {
    await file.handle.close();
    throw error;
  }
}
