/** Bytes of one READ or WRITE at most. */
export const MAX_WRITE = 1 << 20;
