/**
 * Layouts of binary structures, written once and read by three consumers: the code that encodes and decodes (through
 * the accessors below, which allocate nothing for numbers), the generator of the C headers, and the tests that compare both.
 *
 * A field knows its offset inside its structure; `get(view, base)` and `set(view, base, value)` take the offset of the
 * structure inside the view. 64-bit fields have two pairs of accessors: `get`/`set` in numbers (a value above 2^53
 * comes out rounded but still above every bound it could be checked against; `set` takes safe integers only) and
 * `getBig`/`setBig` where all 64 bits count, as ids do.
 */

const HIGH = 4294967296;

export abstract class Field {
  readonly offset: number;
  readonly size: number;
  /** Alignment that C gives the field, in bytes. */
  readonly align: number;
  /** C type of one element, as the generated header spells it. */
  readonly ctype: string;
  /** Elements of a C array; 0 for a scalar. */
  readonly count: number;

  constructor(offset: number, size: number, align: number, ctype: string, count = 0) {
    this.offset = offset;
    this.size = size;
    this.align = align;
    this.ctype = ctype;
    this.count = count;
  }
}

export class U8 extends Field {
  constructor(offset: number) {
    super(offset, 1, 1, '__u8');
  }
  get(view: DataView, base: number): number {
    return view.getUint8(base + this.offset);
  }
  set(view: DataView, base: number, value: number): void {
    view.setUint8(base + this.offset, value);
  }
}

export class U16 extends Field {
  readonly little: boolean;
  constructor(offset: number, little: boolean) {
    super(offset, 2, 2, little ? '__u16' : '__be16');
    this.little = little;
  }
  get(view: DataView, base: number): number {
    return view.getUint16(base + this.offset, this.little);
  }
  set(view: DataView, base: number, value: number): void {
    view.setUint16(base + this.offset, value, this.little);
  }
}

export class U32 extends Field {
  readonly little: boolean;
  constructor(offset: number, little: boolean) {
    super(offset, 4, 4, little ? '__u32' : '__be32');
    this.little = little;
  }
  get(view: DataView, base: number): number {
    return view.getUint32(base + this.offset, this.little);
  }
  set(view: DataView, base: number, value: number): void {
    view.setUint32(base + this.offset, value, this.little);
  }
}

export class I32 extends Field {
  constructor(offset: number) {
    super(offset, 4, 4, '__s32');
  }
  get(view: DataView, base: number): number {
    return view.getInt32(base + this.offset, true);
  }
  set(view: DataView, base: number, value: number): void {
    view.setInt32(base + this.offset, value, true);
  }
}

export class U64 extends Field {
  readonly little: boolean;
  constructor(offset: number, little: boolean, ctype = little ? '__u64' : '__be64') {
    super(offset, 8, 8, ctype);
    this.little = little;
  }
  get(view: DataView, base: number): number {
    const at = base + this.offset;
    return this.little
      ? view.getUint32(at + 4, true) * HIGH + view.getUint32(at, true)
      : view.getUint32(at, false) * HIGH + view.getUint32(at + 4, false);
  }
  set(view: DataView, base: number, value: number): void {
    const at = base + this.offset;
    const high = Math.floor(value / HIGH);
    const low = value >>> 0;
    view.setUint32(this.little ? at + 4 : at, high, this.little);
    view.setUint32(this.little ? at : at + 4, low, this.little);
  }
  getBig(view: DataView, base: number): bigint {
    return view.getBigUint64(base + this.offset, this.little);
  }
  setBig(view: DataView, base: number, value: bigint): void {
    view.setBigUint64(base + this.offset, value, this.little);
  }
}

/** Seconds since the epoch and the like: signed 64 bits, read as a number. */
export class I64 extends Field {
  constructor(offset: number) {
    super(offset, 8, 8, '__s64');
  }
  get(view: DataView, base: number): number {
    const at = base + this.offset;
    return view.getInt32(at + 4, true) * HIGH + view.getUint32(at, true);
  }
  set(view: DataView, base: number, value: number): void {
    const at = base + this.offset;
    view.setInt32(at + 4, Math.floor(value / HIGH), true);
    view.setUint32(at, value >>> 0, true);
  }
}

/** A run of bytes or an array of C scalars; elements are reached through a view that the caller makes. */
export class Bytes extends Field {
  constructor(offset: number, elementSize: number, ctype: string, count: number) {
    super(offset, elementSize * count, elementSize, ctype, count);
  }
  /** A window on the field inside `block`; shares its memory. */
  of(block: Uint8Array, base: number): Uint8Array {
    return block.subarray(base + this.offset, base + this.offset + this.size);
  }
}

export const u8 = (offset: number): U8 => new U8(offset);
export const u16 = (offset: number): U16 => new U16(offset, true);
export const u32 = (offset: number): U32 => new U32(offset, true);
export const i32 = (offset: number): I32 => new I32(offset);
export const u64 = (offset: number): U64 => new U64(offset, true);
export const i64 = (offset: number): I64 => new I64(offset);
export const be16 = (offset: number): U16 => new U16(offset, false);
export const be32 = (offset: number): U32 => new U32(offset, false);
export const be64 = (offset: number): U64 => new U64(offset, false);
/** A pointer of an LP64 caller; `ctype` is what it points to, as in `float`. */
export const pointer = (offset: number, ctype: string): U64 => new U64(offset, true, `${ctype} *`);
export const bytes = (offset: number, count: number): Bytes => new Bytes(offset, 1, '__u8', count);
export const u32s = (offset: number, count: number): Bytes => new Bytes(offset, 4, '__u32', count);
export const f32s = (offset: number, count: number): Bytes => new Bytes(offset, 4, 'float', count);

export type Fields = Readonly<Record<string, Field>>;

/** The fields by name, and under `$` what is known of the whole. */
export type Struct<F extends Fields> = F & AnyStruct;

/** Any structure, for code that walks over `$.fields`. */
export interface AnyStruct {
  readonly $: StructInfo;
}

export interface StructInfo {
  /** The name in C. */
  readonly name: string;
  /** Bytes, as sizeof gives them. */
  readonly size: number;
  /** In order of offset. */
  readonly fields: ReadonlyArray<readonly [string, Field]>;
}

/**
 * Declares a structure. Throws when a field is misaligned, overlaps another or ends past `size`: such a declaration
 * could not be written in C without packing.
 */
export function struct<F extends Fields>(name: string, size: number, fields: F): Struct<F> {
  const ordered = Object.entries(fields).sort(([, a], [, b]) => a.offset - b.offset);
  let end = 0;
  for (const [label, field] of ordered) {
    if (field.offset % field.align !== 0) throw new Error(`${name}.${label} is not aligned`);
    if (field.offset < end) throw new Error(`${name}.${label} overlaps the field before it`);
    end = field.offset + field.size;
  }
  if (end > size) throw new Error(`${name} ends at ${end}, past its ${size} bytes`);
  return Object.assign(Object.create(null), fields, { $: { name, size, fields: ordered } }) as Struct<F>;
}
