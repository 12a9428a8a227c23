import ava, { type ImplementationFn } from 'ava';
import { type GuestResult, type GuestRun, runGuest } from './guest.js';
import { type GuestParts, provideGuestParts } from './provide.js';
import type { UmlKernel } from './uml_kernel.js';

const parts = provideGuestParts();

/** A test that starts guests, one after the other; skipped, with the reason, where guests cannot be had. */
export function guestTest(title: string, body: ImplementationFn<[]>): void {
  if (typeof parts === 'string') ava.skip(`${title} (${parts})`, body);
  else ava.serial(title, body);
}

/** The same for a test that makes on a mount of its own what only root may make. */
export function rootGuestTest(title: string, body: ImplementationFn<[]>): void {
  if (process.getuid?.() === 0) guestTest(title, body);
  else ava.skip(`${title} (needs root)`, body);
}

/** What guests are started from. Throws where they cannot be had: tests are skipped there. */
export function guestParts(): GuestParts<UmlKernel> {
  if (typeof parts === 'string') throw new Error(parts);
  return parts;
}

/** runGuest() with the module of the sources as they are now. */
export function run(wanted: GuestRun): Promise<GuestResult> {
  return runGuest(guestParts(), wanted);
}
