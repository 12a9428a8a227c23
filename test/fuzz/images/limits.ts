import koffi from 'koffi';

const setrlimit = koffi.load(null).func('setrlimit', 'int', ['int', 'const void *']) as (
  resource: number,
  limits: Uint8Array,
) => number;

/** Source: include/uapi/asm-generic/resource.h. Private writable memory, mapped or not by malloc(3). */
const RLIMIT_DATA = 2;

/** From now on this process gets no more than `bytes` of private memory: what wants more fails with ENOMEM. */
export function limitData(bytes: number): void {
  const limits = new BigUint64Array([BigInt(bytes), BigInt(bytes)]);
  if (setrlimit(RLIMIT_DATA, new Uint8Array(limits.buffer)) !== 0)
    throw new Error(`setrlimit: errno ${koffi.errno()}`);
}
