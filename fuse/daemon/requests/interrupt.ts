import { interruptIn } from '../../protocol/index.js';
import type { Request } from '../../server/connection.js';
import type { Filesystem } from '../filesystem.js';

/** A signal for the caller of a request that is under way: its job is asked to end. Never answered. */
export function interrupt(fs: Filesystem, request: Request): void {
  const unique = interruptIn.unique.get(request.view, request.body);
  const slot = fs.inflight.get(unique);
  if (slot !== undefined) fs.exchange.interrupt(slot);
  fs.waiting.get(unique)?.();
}
