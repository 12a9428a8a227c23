import { INIT, INIT2 } from './flags.js';
import { initIn, initOut } from './structs.js';

export const PROTOCOL_MAJOR = 7;
/** The newest minor version whose rules this code follows, and the oldest that it speaks (Linux 5.4). */
export const PROTOCOL_MINOR = 41;
export const PROTOCOL_MINOR_OLDEST = 31;

/** Bytes of the kernel's unit for max_pages; the arithmetic stays right where pages are larger, as the kernel rounds up. */
const PAGE = 4096;
/** FUSE_DEFAULT_MAX_PAGES_PER_REQ: what a request carries at most without MAX_PAGES. */
const DEFAULT_MAX_PAGES = 32;

/** What the server would like; flags that the kernel does not offer are left out. */
export interface InitWishes {
  /** Bits of INIT. */
  readonly flags: number;
  /** Bits of INIT2; dropped where the kernel knows no flags2. */
  readonly flags2: number;
  /** Bytes of one WRITE at most, from 4096 up. */
  readonly maxWrite: number;
  readonly maxReadahead: number;
  /** Background requests (readahead, asynchronous direct I/O) that may be pending. */
  readonly maxBackground: number;
  /** Nanoseconds that times are rounded to; 1 keeps them whole. */
  readonly timeGranularity: number;
}

/** What was agreed on. */
export interface Session {
  readonly minor: number;
  readonly flags: number;
  readonly flags2: number;
  readonly maxWrite: number;
  readonly maxPages: number;
  readonly maxReadahead: number;
  readonly maxBackground: number;
  readonly timeGranularity: number;
  /** Bytes that a buffer for reading requests needs. */
  readonly requestBuffer: number;
}

/** What to do with an INIT request: go on, answer with our major version and expect INIT again, or refuse the mount. */
export type Negotiation =
  | { readonly outcome: 'agreed'; readonly session: Session }
  | { readonly outcome: 'again' }
  | { readonly outcome: 'refused'; readonly reason: string };

/** Reads the fuse_init_in at `base` (`length` bytes of it came) and settles the session. */
export function negotiate(view: DataView, base: number, length: number, wishes: InitWishes): Negotiation {
  const major = initIn.major.get(view, base);
  const minor = initIn.minor.get(view, base);
  if (major > PROTOCOL_MAJOR) return { outcome: 'again' };
  if (major < PROTOCOL_MAJOR || minor < PROTOCOL_MINOR_OLDEST) {
    const needed = `${PROTOCOL_MAJOR}.${PROTOCOL_MINOR_OLDEST}`;
    return {
      outcome: 'refused',
      reason: `the kernel speaks FUSE protocol ${major}.${minor}; ${needed} or newer is needed`,
    };
  }
  const offered = initIn.flags.get(view, base);
  const extended = (offered & INIT.INIT_EXT) !== 0 && length >= initIn.flags2.offset + initIn.flags2.size;
  const offered2 = extended ? initIn.flags2.get(view, base) : 0;
  const flags2 = wishes.flags2 & offered2;
  let flags = wishes.flags & offered & ~INIT.INIT_EXT;
  if (extended && flags2 !== 0) flags |= INIT.INIT_EXT;

  const largest = (flags & INIT.MAX_PAGES) !== 0 ? 0xffff : DEFAULT_MAX_PAGES;
  const maxPages = Math.min(largest, Math.max(1, Math.ceil(wishes.maxWrite / PAGE)));
  const maxWrite = Math.max(PAGE, Math.min(wishes.maxWrite, maxPages * PAGE));
  return {
    outcome: 'agreed',
    session: {
      minor: Math.min(minor, PROTOCOL_MINOR),
      flags,
      flags2,
      maxWrite,
      maxPages,
      maxReadahead: Math.min(wishes.maxReadahead, initIn.max_readahead.get(view, base)),
      maxBackground: wishes.maxBackground,
      timeGranularity: wishes.timeGranularity,
      requestBuffer: maxWrite + PAGE,
    },
  };
}

/** Writes the fuse_init_out that confirms `session` at `base`; returns its 64 bytes. */
export function encodeInitOut(view: DataView, base: number, session: Session): number {
  for (let at = 0; at < initOut.$.size; at += 4) view.setUint32(base + at, 0, true);
  initOut.major.set(view, base, PROTOCOL_MAJOR);
  initOut.minor.set(view, base, session.minor);
  initOut.max_readahead.set(view, base, session.maxReadahead);
  initOut.flags.set(view, base, session.flags);
  initOut.max_background.set(view, base, session.maxBackground);
  initOut.congestion_threshold.set(view, base, Math.floor((session.maxBackground * 3) / 4));
  initOut.max_write.set(view, base, session.maxWrite);
  initOut.time_gran.set(view, base, session.timeGranularity);
  initOut.max_pages.set(view, base, session.maxPages);
  initOut.flags2.set(view, base, session.flags2);
  return initOut.$.size;
}

/** Writes the answer to a kernel of a later major version, which then sends INIT again with ours; returns its 64 bytes. */
export function encodeMajorOut(view: DataView, base: number): number {
  for (let at = 0; at < initOut.$.size; at += 4) view.setUint32(base + at, 0, true);
  initOut.major.set(view, base, PROTOCOL_MAJOR);
  initOut.minor.set(view, base, PROTOCOL_MINOR);
  return initOut.$.size;
}

/** Names of the flags that are set, for logs. */
export function initFlagNames(flags: number, flags2: number): string[] {
  const found: string[] = [];
  for (const [name, bit] of Object.entries(INIT)) if ((flags & bit) !== 0) found.push(name);
  for (const [name, bit] of Object.entries(INIT2)) if ((flags2 & bit) !== 0) found.push(name);
  return found;
}
