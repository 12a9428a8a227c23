import { inHeader } from './structs.js';

/** Bytes before the argument structure of a request. */
export const REQUEST_HEADER: number = inHeader.$.size;

/**
 * Index of the NUL that ends the name starting at `at`, or -1 when there is none before `end` (a damaged request) or the
 * name is empty. The name is `bytes[at..result)`; the next one starts after the NUL. Names are bytes, not text.
 */
export function nameEnd(bytes: Uint8Array, at: number, end: number): number {
  const nul = bytes.indexOf(0, at);
  return nul > at && nul < end ? nul : -1;
}
