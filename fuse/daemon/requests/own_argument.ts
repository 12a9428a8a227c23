import type { Call } from './ioctl.js';

/** The call with its argument in memory of its own, to be answered when the request's memory has been used again. */
export function ownArgument(call: Call): Call {
  const bytes = call.request.bytes.slice(call.at, call.at + call.size);
  return { ...call, at: 0, request: { ...call.request, bytes, view: new DataView(bytes.buffer) } };
}
