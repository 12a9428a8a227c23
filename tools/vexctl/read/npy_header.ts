/**
 * The header of a .npy file, versions 1.0 to 3.0: magic, version, length of a Python dictionary literal, the literal
 * (numpy/lib/format.py).
 */
import { readExactly, type SizedFile } from './bytes.js';
import { SourceError } from './source.js';

export interface NpyHeader {
  /** Byte order and type, as in `<f4`. */
  readonly descr: string;
  readonly shape: readonly number[];
  /** Byte of the first element. */
  readonly start: number;
}

/** No honest header of an array of numbers is longer; a length is not trusted further than this. */
const MAX_HEADER = 65_536;
const DICTIONARY = /^\{\s*(?:'[a-z_]+'\s*:\s*(?:'[^']*'|True|False|\([0-9,\sL]*\))\s*(?:,\s*)?)*\}\s*$/;

function entry(path: string, text: string, key: string, value: RegExp): string {
  const found = new RegExp(`'${key}'\\s*:\\s*${value.source}`).exec(text);
  if (found?.[1] === undefined) throw new SourceError(path, `its .npy header has no usable '${key}'`);
  return found[1];
}

/** @throws SourceError for anything but a C-ordered array of plain numbers that fills the file exactly */
export async function readNpyHeader(file: SizedFile, bytesOf: (descr: string) => number): Promise<NpyHeader> {
  const { path, size } = file;
  if (size < 10) throw new SourceError(path, `is no .npy file: ${size} bytes cannot hold a header`);
  const lead = await readExactly(file, 0, Math.min(size, 12));
  const view = new DataView(lead.buffer);
  if (Buffer.from(lead.subarray(0, 6)).toString('latin1') !== '\x93NUMPY') {
    throw new SourceError(path, 'is no .npy file: it does not start with \\x93NUMPY');
  }
  const major = lead[6]!;
  if (major < 1 || major > 3)
    throw new SourceError(path, `is of .npy version ${major}.${lead[7]}, known are 1 to 3`);
  if (major > 1 && size < 12) throw new SourceError(path, 'ends within its .npy header');
  const length = major === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  const at = major === 1 ? 10 : 12;
  if (length > MAX_HEADER) throw new SourceError(path, `claims a .npy header of ${length} bytes`);
  if (at + length > size) throw new SourceError(path, `ends within its .npy header of ${length} bytes`);
  const text = Buffer.from(await readExactly(file, at, length)).toString('latin1');
  if (!DICTIONARY.test(text))
    throw new SourceError(path, 'its .npy header is no dictionary of descr, fortran_order, shape');

  const descr = entry(path, text, 'descr', /'([^']*)'/);
  if (entry(path, text, 'fortran_order', /(True|False)/) === 'True') {
    throw new SourceError(
      path,
      'is stored column by column (fortran_order); save numpy.ascontiguousarray(a) instead',
    );
  }
  const numbers = entry(path, text, 'shape', /\(([^)]*)\)/)
    .split(',')
    .map((part) => part.trim().replace(/L$/, ''))
    .filter((part) => part !== '');
  const shape = numbers.map((part) => {
    const value = Number(part);
    if (!/^[0-9]+$/.test(part) || !Number.isSafeInteger(value)) {
      throw new SourceError(path, `its .npy header gives the shape (${numbers.join(', ')})`);
    }
    return value;
  });
  checkSize(file, at + length, shape, bytesOf(descr));
  return { descr, shape, start: at + length };
}

function checkSize(file: SizedFile, start: number, shape: readonly number[], elementBytes: number): void {
  const promised = shape.reduce((product, part) => product * BigInt(part), BigInt(elementBytes));
  const held = BigInt(file.size - start);
  if (held === promised) return;
  const rowBytes = shape.slice(1).reduce((product, part) => product * part, elementBytes);
  const place = held < promised && rowBytes > 0 ? `row ${held / BigInt(rowBytes)}` : undefined;
  const what = held < promised ? 'is cut short' : 'has bytes behind its array';
  const sizes = `its shape (${shape.join(', ')}) takes ${promised} bytes of data, it holds ${held}`;
  throw new SourceError(file.path, `${what}: ${sizes}`, place);
}
