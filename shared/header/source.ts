/** C source text: numbers, structures and the frame of a header. Nothing here knows what a header is about. */
import type { AnyStruct, Field } from '../layout.js';

/** Line comments of C11 and C++ would do; kernel headers use these. */
export function comment(text: string, indent = ''): string {
  const width = 116 - indent.length;
  const lines: string[] = [];
  for (const paragraph of text.split('\n')) {
    let line = '';
    for (const word of paragraph.split(' ')) {
      if (line.length + word.length >= width) {
        lines.push(line);
        line = word;
      } else {
        line = line === '' ? word : `${line} ${word}`;
      }
    }
    lines.push(line);
  }
  if (lines.length === 1) return `${indent}/* ${lines[0]} */`;
  return [`${indent}/*`, ...lines.map((line) => `${indent} * ${line}`.trimEnd()), `${indent} */`].join('\n');
}

/**
 * A number that C reads as the same number: unsigned, with the suffix its width needs.
 * @throws RangeError for what no __u64 holds
 */
export function literal(value: number | bigint, hexadecimal = false): string {
  if (typeof value === 'number' && !Number.isSafeInteger(value))
    throw new RangeError(`${value} is no exact integer`);
  const wide = BigInt(value);
  if (wide < 0n || wide >= 1n << 64n) throw new RangeError(`${value} is not an unsigned 64-bit number`);
  const digits = hexadecimal ? `0x${wide.toString(16)}` : `${wide}`;
  if (wide >= 1n << 32n) return `${digits}ULL`;
  return wide >= 1n << 31n ? `${digits}U` : digits;
}

/** `#define` lines with their values in one column; numbers that are powers of two or masks read better in hex. */
export function defines(
  constants: Readonly<Record<string, number | bigint | string>>,
  hexadecimal = false,
): string {
  const width = Math.max(0, ...Object.keys(constants).map((name) => name.length));
  return Object.entries(constants)
    .map(([name, value]) => {
      const text = typeof value === 'string' ? value : literal(value, hexadecimal);
      return `#define ${name.padEnd(width)} ${text}`;
    })
    .join('\n');
}

export interface StructText {
  /** What the whole is for. */
  readonly about?: string;
  /** A remark on a field, by its name. */
  readonly fields?: Readonly<Record<string, string>>;
}

export interface StructStyle {
  /**
   * `little`: the structure lies on a disk, so integers are __le32 and the like and gaps are spelt out as bytes.
   * `host`: it lies in memory; gaps are left to the compiler, so that positional initialisers keep working.
   */
  readonly endian: 'host' | 'little';
}

function fieldType(field: Field, style: StructStyle): string {
  if (style.endian === 'host') return field.ctype;
  return field.ctype.replace(/^__[us](?=16|32|64)/, '__le');
}

function declaration(name: string, field: Field, style: StructStyle): string {
  const type = fieldType(field, style);
  const separator = type.endsWith('*') ? '' : ' ';
  return `${type}${separator}${name}${field.count > 0 ? `[${field.count}]` : ''};`;
}

/**
 * @throws Error when the size is no multiple of the strictest alignment: C would round it up
 */
export function structDefinition(layout: AnyStruct, style: StructStyle, text: StructText = {}): string {
  const { name, size, fields } = layout.$;
  const strictest = Math.max(1, ...fields.map(([, field]) => field.align));
  if (size % strictest !== 0)
    throw new Error(`${name} has ${size} bytes, no multiple of its alignment ${strictest}`);
  for (const label of Object.keys(text.fields ?? {})) {
    if (!fields.some(([other]) => other === label))
      throw new Error(`${name} has no field ${label} to describe`);
  }
  const rows: Array<readonly [declaration: string, offset: number, remark: string]> = [];
  let end = 0;
  const pad = (to: number): void => {
    if (style.endian === 'little' && to > end) rows.push([`__u8 pad_${end}[${to - end}];`, end, '']);
  };
  for (const [label, field] of fields) {
    pad(field.offset);
    rows.push([declaration(label, field, style), field.offset, text.fields?.[label] ?? '']);
    end = field.offset + field.size;
  }
  pad(size);
  const width = Math.max(...rows.map(([code]) => code.length));
  const lines = rows.map(([code, offset, remark]) => {
    const note = remark === '' ? `${offset}` : `${offset}: ${remark}`;
    return `\t${code.padEnd(width)} /* ${note} */`;
  });
  const about = text.about === undefined ? [] : [comment(text.about)];
  return [...about, `struct ${name} {`, ...lines, '};'].join('\n');
}

/** Assertions on the size and on every offset, which stop the compiler instead of a program. */
export function structAssertions(layout: AnyStruct, assertion: string): string {
  const { name, size, fields } = layout.$;
  const lines = [`${assertion}(sizeof(struct ${name}) == ${size}, "size of ${name}");`];
  for (const [label, field] of fields) {
    const place = `__builtin_offsetof(struct ${name}, ${label})`;
    lines.push(`${assertion}(${place} == ${field.offset}, "offset of ${name}.${label}");`);
  }
  return lines.join('\n');
}

export interface Header {
  readonly guard: string;
  /** Name of the macro that stands for static_assert or _Static_assert. */
  readonly assertion: string;
  readonly includes: readonly string[];
  readonly about: string;
  readonly parts: readonly string[];
  readonly structs: readonly AnyStruct[];
}

const LICENSE = 'SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR MIT)';

export function headerText(header: Header): string {
  const { guard, assertion } = header;
  return `${[
    `/* ${LICENSE} */`,
    comment(
      `Generated from shared/ by \`node shared/dist/generate.js\`: change it there.\n\n${header.about}`,
    ),
    `#ifndef ${guard}\n#define ${guard}`,
    header.includes.map((name) => `#include <${name}>`).join('\n'),
    ...header.parts,
    [
      '#ifdef __cplusplus',
      `#define ${assertion} static_assert`,
      '#else',
      `#define ${assertion} _Static_assert`,
      '#endif',
    ].join('\n'),
    ...header.structs.map((layout) => structAssertions(layout, assertion)),
    `#undef ${assertion}`,
    `#endif /* ${guard} */`,
  ].join('\n\n')}\n`;
}
