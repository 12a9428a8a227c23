import { bestCpu } from './cpu.js';
import { bind } from './library.js';

const parameters = ['uintptr_t', 'uint32_t', 'uintptr_t', 'size_t'];
const crc = bind<(cpu: number, seed: number, address: number, bytes: number) => number>(
  'vx_crc32c',
  'uint32_t',
  parameters,
);
const crcOfView = bind<(cpu: number, seed: number, data: Uint8Array, bytes: number) => number>(
  'vx_crc32c',
  'uint32_t',
  ['uintptr_t', 'uint32_t', 'const void *', 'size_t'],
);

/** CRC-32C of `bytes` bytes at `address` as the kernel's crc32c(): the seed goes in and the sum comes out as they are. */
export function crc32cAt(seed: number, address: number, bytes: number, cpu: number = bestCpu): number {
  return crc(cpu, seed, address, bytes);
}

/** The same of JS memory. Below some 32 bytes crc32c() of @vexfs/shared is faster than the call. */
export function crc32cOf(seed: number, data: Uint8Array, cpu: number = bestCpu): number {
  return crcOfView(cpu, seed, data, data.byteLength);
}
