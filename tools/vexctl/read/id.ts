import { MAX_ID } from '@vexfs/shared';

/** An id written in decimal digits; undefined for anything that is no id, 2^64-1 included. */
export function parseId(text: string): bigint | undefined {
  if (!/^[0-9]{1,20}$/.test(text)) return undefined;
  const id = BigInt(text);
  return id <= MAX_ID ? id : undefined;
}

export const ID_RULE = `ids are whole numbers from 0 to ${MAX_ID}`;
