import { errnoName, ioctl, type Memory } from '@vexfs/fuse/system';
import { commands, VEXFS_IOC_GET_EMBEDDING_INLINE, vssCommands } from '@vexfs/shared';
import { type CallerMemory, KERNEL_ADDRESS, NULL, WILD } from '../../parity/client/caller_memory.js';
import type { Seeded } from '../../unit/volume/seeded.js';

/** Most bytes that the number of a command can announce. */
const ARGUMENT = 16_384;
const BUFFERS = 1 << 18;
const COMMANDS = [
  ...[...Object.values(commands), ...Object.values(vssCommands)].map(({ value }) => value),
  VEXFS_IOC_GET_EMBEDDING_INLINE(512),
];

/** ioctl(2) calls with commands, sizes, fields and pointers of any kind, from sensible to absurd. */
export class WildIoctl {
  private readonly random: Seeded;
  private readonly argument: Memory;
  /** Zeros, and what calls have written there. */
  private readonly buffers: number;
  private readonly unmapped: number;

  constructor(random: Seeded, memory: CallerMemory) {
    this.random = random;
    this.argument = memory.room(ARGUMENT);
    this.buffers = memory.room(BUFFERS).address;
    this.unmapped = memory.placeBeforeGap(new Uint8Array(64));
  }

  /** One call on a descriptor; `dimensions` is a number that makes some of them succeed. */
  call(fd: number, dimensions: number): string {
    const { random, argument } = this;
    this.fill(dimensions);
    const sensible = random.chance(70);
    const command = sensible ? random.of(COMMANDS) : this.anyCommand();
    const address = random.chance(5)
      ? random.of([NULL, WILD, KERNEL_ADDRESS, this.unmapped])
      : argument.address;
    const result = ioctl(fd, command, address);
    return result < 0 ? errnoName(result) : 'ok';
  }

  private anyCommand(): number {
    const { random } = this;
    const number = random.of([1, 2, 3, 4, 0x10, 0x11, 0x19, random.below(256)]);
    const size = random.of([0, 32, 40, 48, 64, 64 + random.below(512), 520, 776, random.below(ARGUMENT)]);
    const magic = random.of([0x56, 0x56, 0x56, 0x76, random.below(256)]);
    return ((random.below(4) << 30) | (size << 16) | (magic << 8) | number) >>> 0;
  }

  private fill(dimensions: number): void {
    const { random } = this;
    const { view, bytes } = this.argument;
    const isSensible = random.chance(60);
    bytes.fill(0, 0, 1024);
    for (let at = 0; at < 48; at += 8) {
      const pointer = random.of([this.buffers + 1, NULL, WILD, KERNEL_ADDRESS, this.unmapped, random.bits()]);
      const address = isSensible ? this.buffers + at * 4096 : pointer;
      view.setBigUint64(at, BigInt.asUintN(64, BigInt(address)), true);
    }
    // Here the frozen commands have dimensions and k, or the number of rows.
    view.setUint32(8, random.of([dimensions, dimensions, 1, 2, 3]), true);
    view.setUint32(12, random.of([dimensions, dimensions, 1, 10]), true);
    if (random.chance(80)) view.setBigUint64(16, 0n, true);
    if (random.chance(80)) view.setUint32(24, random.below(3), true);
    if (isSensible) return;
    const counts = [0, 1, 1, 2, 3, 10, 100, dimensions, 10_000, 1 << 20, random.bits()];
    for (let times = random.below(4); times > 0; times--)
      view.setUint32(random.below(24) * 4, random.of(counts), true);
  }
}
