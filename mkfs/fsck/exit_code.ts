/** Exit codes of fsck(8): bits, of which one run may set several. */
export const CLEAN = 0;
export const CORRECTED = 1;
export const ERRORS_LEFT = 4;
export const OPERATIONAL = 8;
export const USAGE = 16;
export const CANCELLED = 32;
export const INTERNAL = 128;
