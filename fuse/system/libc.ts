import koffi from 'koffi';

/**
 * The C library of this process. Addresses, lengths and file positions are declared as 64-bit integers, not as
 * pointers, so that they travel as plain numbers: user addresses stay below 2^56 on every supported CPU and no call
 * pays for a BigInt. All functions bound here take their arguments as x86_64 and aarch64 pass them in registers,
 * which is also why variadic ones (ioctl, prctl) can be declared with a fixed list.
 */
const libc = koffi.load(null);

/** Binds `name`; `Call` states the signature in TypeScript. Throws when the C library lacks it. */
export function bind<Call>(name: string, result: string, parameters: string[]): Call {
  return libc.func(name, result, parameters) as Call;
}

/**
 * Turns the C convention (-1 and errno) into the kernel's: the result, or minus the errno. It has to be applied
 * to the call's own expression, because anything that runs in between may change errno.
 */
export function orErrno(result: number): number {
  return result === -1 ? -koffi.errno() : result;
}

/** Address of the first byte of a JS buffer, for memory that does not move (see `addressOf`). */
export function rawAddress(of: ArrayBuffer | ArrayBufferView): number {
  return Number(koffi.address(of));
}

/** An ArrayBuffer on memory that JS does not own. A length above the engine's limit would abort the process. */
export function rawView(address: number, length: number): ArrayBuffer {
  return koffi.view(address, length);
}
