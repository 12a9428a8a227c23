import { check, errnoName, ioctl, type Memory, unmapToReserved } from '@vexfs/fuse/system';
import {
  type Command,
  commands,
  IndexOperation,
  MAX_INLINE_BYTES,
  manageIndex,
  putEmbedding,
  VEXFS_IOC_ADD_EMBEDDING_INLINE,
  VEXFS_IOC_GET_EMBEDDING_INLINE,
  VEXFS_IOC_UPDATE_EMBEDDING_INLINE,
  vssCommands,
} from '@vexfs/shared';
import { type CallerMemory, KERNEL_ADDRESS, NULL, WILD } from '../../parity/client/caller_memory.js';
import type { Seeded } from '../../unit/volume/seeded.js';
import type { HostileFile } from './hostile_file.js';

/** Most bytes that the number of a command can announce. */
const ARGUMENT = 16_384;
const BUFFERS = 1 << 18;
/** Behind them nothing can be touched: results that nobody made room for must not overwrite the caller. */
const GAP = 1 << 20;
/** Rows that a sensible call names. */
const MOST_ROWS = 64;
/** Ids below it are taken and freed all the time. */
const BUSY_IDS = 100;
const NO_ID = 2n ** 64n - 1n;

interface Form {
  readonly name: string;
  readonly command: Command;
  /** Number of the form with so many bytes of a vector behind the structure. */
  readonly inline?: (bytes: number) => number;
}

const STORE: readonly Form[] = Object.entries(vssCommands).map(([name, command]) => ({
  name: `VSS_${name}`,
  command,
}));
const VOLUME: readonly Form[] = [
  ...Object.entries(commands).map(([name, command]) => ({ name, command })),
  ...Object.entries({
    ADD_EMBEDDING: VEXFS_IOC_ADD_EMBEDDING_INLINE,
    GET_EMBEDDING: VEXFS_IOC_GET_EMBEDDING_INLINE,
    UPDATE_EMBEDDING: VEXFS_IOC_UPDATE_EMBEDDING_INLINE,
  } as const).map(([name, inline]) => ({
    name: `${name}_INLINE`,
    command: commands[name as 'GET_EMBEDDING'],
    inline,
  })),
];

/** What each kind of call is counted under when it succeeds. */
export const SUCCESSES: readonly string[] = [...STORE, ...VOLUME].map(({ name }) => `ok ${name}`);

/** ioctl(2) calls with commands, sizes, fields and pointers of any kind, from sensible to absurd. */
export class WildIoctl {
  private readonly random: Seeded;
  private readonly argument: Memory;
  /** Zeros, and what calls have written there. */
  private readonly buffers: number;
  private readonly ids: Memory;
  private readonly unmapped: number;

  constructor(random: Seeded, memory: CallerMemory) {
    this.random = random;
    this.argument = memory.room(ARGUMENT);
    this.buffers = memory.room(BUFFERS + GAP).address;
    check(unmapToReserved(this.buffers + BUFFERS, GAP), 'making a gap');
    this.ids = memory.room(MOST_ROWS * 8);
    this.unmapped = memory.placeBeforeGap(new Uint8Array(64));
  }

  /** One call on a descriptor of the file. Answers `ok`, one of SUCCESSES or an errno. */
  call(fd: number, { dimensions, isStore }: HostileFile): string {
    const { random, argument } = this;
    const form = random.of(random.chance(95) === isStore ? STORE : VOLUME);
    argument.bytes.fill(0, 0, 1024);
    this.fill(form, dimensions);
    if (random.chance(40)) this.spoil(form, dimensions);
    const isItself = random.chance(80);
    const command = isItself ? this.numberOf(form) : this.anyCommand();
    const address = random.chance(5)
      ? random.of([NULL, WILD, KERNEL_ADDRESS, this.unmapped])
      : argument.address;
    const result = ioctl(fd, command, address);
    if (result < 0) return errnoName(result);
    return isItself ? `ok ${form.name}` : 'ok';
  }

  private numberOf({ command, inline }: Form): number {
    const { random, argument } = this;
    if (inline === undefined) return command.value;
    const bytes = putEmbedding.data_size.get(argument.view, 0);
    return inline(bytes <= MAX_INLINE_BYTES && random.chance(80) ? bytes : random.below(MAX_INLINE_BYTES));
  }

  private anyCommand(): number {
    const { random } = this;
    const number = random.of([1, 2, 3, 4, 0x10 + random.below(10), random.below(256)]);
    const size = random.of([
      ...[0, 16, 32, 40, 48, 64, 128, 520, 776],
      64 + random.below(512),
      random.below(ARGUMENT),
    ]);
    const magic = random.of([0x56, 0x56, 0x56, 0x76, random.below(256)]);
    return ((random.below(4) << 30) | (size << 16) | (magic << 8) | number) >>> 0;
  }

  private put(offset: number, size: number, value: number | bigint): void {
    const { view } = this.argument;
    if (size === 8) view.setBigUint64(offset, BigInt.asUintN(64, BigInt(value)), true);
    else view.setUint32(offset, Number(value), true);
  }

  /** Fields as somebody means them. */
  private fill({ command, inline }: Form, dimensions: number): void {
    if (command === commands.GET_STATS) return;
    if (command === commands.MANAGE_INDEX) {
      this.fillIndex();
      return;
    }
    for (const [name, { offset, size, count }] of command.argument.$.fields)
      if (count === 0) this.put(offset, size, this.sensible(name, dimensions));
    if (inline !== undefined) this.put(putEmbedding.data.offset, 8, 0);
  }

  private fillIndex(): void {
    const { random } = this;
    const operation = random.of(Object.values(IndexOperation));
    const set = (field: { readonly offset: number }, value: number): void => this.put(field.offset, 4, value);
    set(manageIndex.operation, operation);
    if (operation === IndexOperation.CREATE) {
      set(manageIndex.type, 1 + random.below(2));
      set(manageIndex.metric, random.below(3));
      set(manageIndex.m, random.of([0, 4, 8, 64]));
      set(manageIndex.ef_construction, random.of([0, 1, 20]));
    }
    if (operation === IndexOperation.TUNE) {
      set(manageIndex.ef_search, random.below(200));
      set(manageIndex.automatic_rows, random.of([0, 1, 100, 4_294_967_295]));
    }
    if (operation === IndexOperation.INFO) set(manageIndex.sample, random.below(20));
  }

  private sensible(name: string, dimensions: number): number | bigint {
    const { random } = this;
    switch (name) {
      case 'id':
        return random.chance(10) ? NO_ID : random.below(BUSY_IDS);
      case 'ids':
        return this.listIds();
      case 'vector_ids':
        return random.chance(30) ? 0 : this.listIds();
      case 'found':
        return random.chance(30) ? 0 : this.buffer();
      case 'data':
      case 'queries':
      case 'query_vector':
      case 'results':
      case 'result_ids':
      case 'result_counts':
      case 'vectors':
        return this.buffer();
      case 'count':
      case 'vector_count':
        return 1 + random.below(MOST_ROWS);
      case 'dimension':
      case 'dimensions':
        return random.chance(95) ? dimensions : 1 + random.below(70);
      case 'element_type':
        return random.of([0, 1, 1, 1, 1, 2, 3, 4]);
      case 'data_size':
        return random.chance(60) ? dimensions * 4 : random.of([dimensions * 2, dimensions, 15_000]);
      case 'ef':
        return random.below(300);
      case 'flags':
        return random.of([0, 0, 0, 0, 0, 1, 1, random.below(8)]);
      case 'k':
        return 1 + random.below(20);
      case 'search_type':
        return random.below(3);
      default:
        return 0;
    }
  }

  private buffer(): number {
    return this.buffers + this.random.below(32) * 4096;
  }

  private listIds(): number {
    const { random } = this;
    const first = random.below(BUSY_IDS);
    const step = random.below(20) === 0 ? 0 : 1 + random.below(3);
    for (let i = 0; i < MOST_ROWS; i++) this.ids.view.setBigUint64(i * 8, BigInt(first + i * step), true);
    return this.ids.address;
  }

  /** A few values that nobody means. None is an address of what the program lives on, for a call may write there. */
  private spoil({ command }: Form, dimensions: number): void {
    const { random } = this;
    const bits = (random.bits() | 0x8000_0000) >>> 0;
    const addresses = [this.buffers + 1, NULL, WILD, KERNEL_ADDRESS, this.unmapped, bits];
    const counts = [0, 1, 1, 2, 3, 10, 100, dimensions, 10_000, 1 << 20, bits];
    for (let times = random.below(3); times > 0; times--) {
      const [, { offset, size, count }] = random.of(command.argument.$.fields);
      if (count === 0) this.put(offset, size, random.of(size === 8 ? addresses : counts));
      else this.put(offset + random.below(2) * 4, 4, random.of(counts));
    }
  }
}
