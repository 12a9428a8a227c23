import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { NoGuests } from './step.js';

/** How a compressed kernel begins, and what unpacks it. */
const PACKINGS: readonly (readonly [magic: Buffer, program: string])[] = [
  [Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]), 'xz'],
  [Buffer.from([0x28, 0xb5, 0x2f, 0xfd]), 'zstd'],
  [Buffer.from([0x1f, 0x8b, 0x08]), 'gzip'],
];
const ELF = Buffer.from([0x7f, 0x45, 0x4c, 0x46]);
const MOST_BYTES = 512 << 20;

/** Unpacks the kernel in a boot image: an emulated processor would take many seconds for it at each start. */
export function unpackKernelImage(image: string, to: string): void {
  const bytes = readFileSync(image);
  for (const [magic, program] of PACKINGS) {
    for (let at = bytes.indexOf(magic); at >= 0; at = bytes.indexOf(magic, at + 1)) {
      // What follows the kernel in the image is not of it, so the exit code says nothing.
      const { stdout, error } = spawnSync(program, ['-dc'], {
        input: bytes.subarray(at),
        maxBuffer: MOST_BYTES,
      });
      if (error !== undefined && !('code' in error && error.code === 'EPIPE'))
        throw new NoGuests(`${program} is needed to unpack a kernel: ${error.message}`);
      if (!stdout.subarray(0, ELF.length).equals(ELF)) continue;
      writeFileSync(to, stdout);
      return;
    }
  }
  throw new Error(`there is no kernel in ${image}`);
}
