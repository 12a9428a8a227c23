import { constants } from 'node:os';
import {
  ElementType,
  Errno,
  elementBytes,
  errnoCode,
  errnoMeaning,
  isElementType,
  rowBytes,
  rowStride,
} from '@vexfs/shared';
import test from 'ava';

test('errno numbers are those of the running system', (t) => {
  const known = Object.entries(Errno).filter(([code]) => code in constants.errno);
  t.true(known.length > 25);
  for (const [code, number] of known)
    t.is(number as number, constants.errno[code as keyof typeof constants.errno], code);
});

test('every errno says what happened and what to do, in a sentence each', (t) => {
  for (const [code, number] of Object.entries(Errno)) {
    t.is(errnoCode(number), code);
    const text = errnoMeaning(number);
    t.regex(text?.meaning ?? '', /^[A-Z].{15,}\.$/, code);
    t.regex(text?.advice ?? '', /^[A-Z].{8,}\.$/, code);
  }
});

test('a number that VexFS never answers is shown as it is', (t) => {
  t.is(errnoCode(4095), 'errno 4095');
  t.is(errnoMeaning(4095), undefined);
});

test('rows are packed, and padded to the alignment only when there is one', (t) => {
  t.is(rowBytes(ElementType.FLOAT32, 3), 12);
  t.is(rowBytes(ElementType.FLOAT16, 3), 6);
  t.is(rowBytes(ElementType.INT8, 3), 3);
  t.is(rowBytes(ElementType.BINARY, 8), 1);
  t.is(rowBytes(ElementType.BINARY, 9), 2);
  t.is(rowStride(ElementType.FLOAT32, 3, 0), 12);
  t.is(rowStride(ElementType.FLOAT32, 3, 1), 12);
  t.is(rowStride(ElementType.FLOAT32, 3, 64), 64);
  t.is(rowStride(ElementType.FLOAT32, 16, 64), 64);
  t.is(elementBytes(ElementType.BINARY), 1);
});

test('numbers outside the list, and names of object methods, are no element types', (t) => {
  for (const value of [0, 5, -1, 1.5, Number.NaN]) t.false(isElementType(value), `${value}`);
  for (const value of Object.values(ElementType)) t.true(isElementType(value));
});
