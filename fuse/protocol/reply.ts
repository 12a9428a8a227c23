import { ioctlOut, outHeader } from './structs.js';

/** Bytes before the payload of a reply. */
export const REPLY_HEADER: number = outHeader.$.size;

/**
 * Writes the header of a reply at `base`. `payload` is the number of bytes that follow; `error` is 0 or a negative errno, and
 * an error carries no payload. Returns the length of the whole reply, which one write or writev has to deliver.
 */
export function encodeReplyHeader(
  view: DataView,
  base: number,
  unique: number,
  error: number,
  payload: number,
): number {
  const length = REPLY_HEADER + payload;
  outHeader.len.set(view, base, length);
  outHeader.error.set(view, base, error);
  outHeader.unique.set(view, base, unique);
  return length;
}

/** Writes the fuse_ioctl_out of a call that succeeded at `base`; returns where the argument that travels back begins. */
export function encodeIoctlOut(view: DataView, base: number): number {
  ioctlOut.result.set(view, base, 0);
  ioctlOut.flags.set(view, base, 0);
  ioctlOut.in_iovs.set(view, base, 0);
  ioctlOut.out_iovs.set(view, base, 0);
  return base + ioctlOut.$.size;
}
