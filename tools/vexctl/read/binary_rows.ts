/** Rows of equal size in a binary file, read batch by batch with bounded memory. */
import { MAX_DIMENSIONS, MAX_ROWS_PER_FILE } from '@vexfs/shared';
import { readExactly, type SizedFile } from './bytes.js';
import { type Element, firstNonFinite } from './element.js';
import { type RowBatch, type RowSource, SourceError } from './source.js';

export interface BinaryLayout {
  readonly dimensions: number;
  readonly rowCount: number;
  /** Byte of the first row. */
  readonly start: number;
  /** Bytes from row to row. */
  readonly stride: number;
  /** Bytes of a row before its first element. */
  readonly lead: number;
  readonly element: Element;
  /** Checks what stands before the elements of a row. @returns the reason to refuse it */
  readonly checkLead?: (view: DataView, offset: number) => string | undefined;
}

/** Bytes read at a time: enough to stream, whatever the batch. */
const CHUNK_BYTES = 4 << 20;

/** @throws SourceError for counts that no vector file can have */
export function checkShape(path: string, dimensions: number, rowCount: number): void {
  if (!(dimensions >= 1 && dimensions <= MAX_DIMENSIONS)) {
    throw new SourceError(path, `has ${dimensions} dimensions; a vector has 1 to ${MAX_DIMENSIONS}`);
  }
  if (rowCount > MAX_ROWS_PER_FILE)
    throw new SourceError(path, `has ${rowCount} rows; a file holds ${MAX_ROWS_PER_FILE}`);
}

export function binaryRows(file: SizedFile, layout: BinaryLayout): RowSource {
  const { path } = file;
  const { dimensions, rowCount, stride } = layout;

  async function fill(rows: Float32Array, first: number, count: number): Promise<void> {
    const step = Math.max(1, Math.floor(CHUNK_BYTES / stride));
    for (let done = 0; done < count; done += step) {
      const part = Math.min(step, count - done);
      const bytes = await readExactly(file, layout.start + (first + done) * stride, part * stride);
      const view = new DataView(bytes.buffer);
      if (stride === dimensions * layout.element.bytes) {
        layout.element.convert(view, 0, part * dimensions, rows, done * dimensions);
        continue;
      }
      for (let row = 0; row < part; row++) {
        const reason = layout.checkLead?.(view, row * stride);
        if (reason !== undefined) throw new SourceError(path, reason, `row ${first + done + row}`);
        layout.element.convert(view, row * stride + layout.lead, dimensions, rows, (done + row) * dimensions);
      }
    }
  }

  async function* batches(skip: number, batchRows: number): AsyncGenerator<RowBatch> {
    for (let first = skip; first < rowCount; first += batchRows) {
      const count = Math.min(batchRows, rowCount - first);
      const rows = new Float32Array(count * dimensions);
      await fill(rows, first, count);
      const at = firstNonFinite(rows);
      if (at >= 0) {
        const place = `row ${first + Math.floor(at / dimensions)}`;
        throw new SourceError(path, `component ${at % dimensions} is ${rows[at]} as float32`, place);
      }
      yield { rows, count, first };
    }
  }

  return { path, dimensions, rowCount, batches, close: () => file.handle.close() };
}
