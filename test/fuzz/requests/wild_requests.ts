/** Requests as no kernel sends them, and others as one does, from numbers that fast-check chooses. */
import { ioctlIn, OPCODE } from '@vexfs/fuse/protocol';
import {
  batchInsertRequest,
  commands,
  type Field,
  getEmbedding,
  vectorFileInfo,
  vectorSearchRequest,
} from '@vexfs/shared';
import fc from 'fast-check';
import { SHAPES, type Shape } from './shapes.js';
import type { World } from './world.js';

/** All that a request follows from: `picks` choose among what there is, `words` are values taken as they are. */
export interface WildRequest {
  readonly kind: number;
  readonly isWild: boolean;
  readonly picks: readonly number[];
  readonly words: readonly bigint[];
  readonly names: readonly Uint8Array[];
  readonly data: number;
  /** Bytes that are cut off the end, or added. */
  readonly cut: number;
}

const EXTREMES = [
  0n,
  1n,
  2n,
  3n,
  255n,
  4095n,
  4096n,
  65536n,
  1n << 20n,
  0x7fffffffn,
  0x80000000n,
  0xffffffffn,
  1n << 32n,
  1n << 40n,
  (1n << 52n) - 1n,
  1n << 52n,
  (1n << 53n) + 1n,
  (1n << 63n) - 1n,
  1n << 63n,
  (1n << 64n) - 1n,
];

const word = fc.oneof(
  { weight: 4, arbitrary: fc.bigInt({ min: 0n, max: 300n }) },
  { weight: 3, arbitrary: fc.constantFrom(...EXTREMES) },
  { weight: 2, arbitrary: fc.bigInt({ min: 0n, max: 100_000n }) },
  { weight: 1, arbitrary: fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }) },
);

const name = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 0, max: 25 }).map((i) => new TextEncoder().encode(`n${i}`)) },
  {
    weight: 2,
    arbitrary: fc
      .constantFrom('.', '..', '', 'a/b', '/', 'x'.repeat(255), 'y'.repeat(256), 'z'.repeat(5000))
      .map((text) => new TextEncoder().encode(text)),
  },
  {
    weight: 2,
    arbitrary: fc
      .constantFrom(
        'user.a',
        'user.b',
        'trusted.c',
        'security.capability',
        'system.posix_acl_access',
        'system.posix_acl_default',
        'other.d',
        'user.',
      )
      .map((text) => new TextEncoder().encode(text)),
  },
  { weight: 1, arbitrary: fc.uint8Array({ minLength: 1, maxLength: 40 }) },
);

export const wildRequest: fc.Arbitrary<WildRequest> = fc.record({
  kind: fc.nat({ max: SHAPES.length + 5 }),
  isWild: fc.boolean(),
  picks: fc.array(fc.nat({ max: 999 }), { minLength: 12, maxLength: 12 }),
  words: fc.array(word, { minLength: 8, maxLength: 8 }),
  names: fc.array(name, { minLength: 2, maxLength: 2 }),
  data: fc.nat({ max: 9000 }),
  cut: fc.oneof(
    { weight: 30, arbitrary: fc.constant(0) },
    { weight: 1, arbitrary: fc.integer({ min: -60, max: 40 }) },
  ),
});

/** A request ready to be sent. */
export interface Encoded {
  readonly opcode: number;
  readonly nodeid: bigint;
  readonly body: Uint8Array;
  readonly uid: number;
  readonly gid: number;
  readonly pid: number;
  readonly shape: Shape | undefined;
}

/** Memory of this process that ioctls may be pointed at: `address` and its length. */
export interface Buffers {
  readonly address: number;
  readonly length: number;
}

const OPEN_FLAGS = [0, 1, 2, 0o2000 | 1, 0o2000 | 2, 0o1000 | 2, 0o4010000 | 2];
const MODES = [
  0o100644, 0o100600, 0o040755, 0o120777, 0o010644, 0o140644, 0o020644, 0o060644, 0o104755, 0o777,
];
/** FATTR bits: mode, uid, gid, size, atime, mtime, handle, atime now, mtime now, lock owner, ctime, kill suid. */
const VALID = [1, 2, 4, 8, 0x10, 0x20, 0x8 | 0x40, 0x100, 0x200, 0x30, 0x800, 0xfff];

export function encode(request: WildRequest, world: World, buffers: Buffers): Encoded {
  return new Encoder(request, world, buffers).run();
}

class Encoder {
  private readonly request: WildRequest;
  private readonly world: World;
  private readonly buffers: Buffers;
  private picked = 0;
  private taken = 0;

  constructor(request: WildRequest, world: World, buffers: Buffers) {
    this.request = request;
    this.world = world;
    this.buffers = buffers;
  }

  private pick<T>(list: readonly T[]): T {
    const { picks } = this.request;
    this.picked += 1;
    return list[picks[this.picked % picks.length]! % list.length]!;
  }

  private word(): bigint {
    const { words } = this.request;
    this.taken += 1;
    return words[this.taken % words.length]!;
  }

  /** Whether this value is to be one that no kernel would send. */
  private get strays(): boolean {
    return this.request.isWild && this.pick([true, false, false, false, false]);
  }

  private get node(): bigint {
    if (this.strays) return this.word();
    return BigInt(this.pick(this.pick([true, false]) ? this.world.nodes : this.world.directories));
  }

  private get handle(): bigint {
    const { handles } = this.world;
    return handles.length === 0 || this.strays ? this.word() : BigInt(this.pick(handles));
  }

  run(): Encoded {
    const { kind, isWild } = this.request;
    const shape = SHAPES[kind];
    const caller = {
      uid: isWild ? this.pick([0, 0, 1000, 0xffffffff]) : 0,
      gid: isWild ? this.pick([0, 0, 1000, 0xffffffff]) : 0,
      // Never another process: what a request points at is written to.
      pid: isWild ? this.pick([process.pid, process.pid, 0, 0x7fffffff]) : process.pid,
    };
    if (shape === undefined) return { ...this.unknown(), ...caller, shape };
    const head = this.structure(shape);
    const parts = [head];
    for (let i = 0; i < shape.names; i++)
      parts.push(
        this.request.names[i]!.filter((byte) => byte !== 0),
        Uint8Array.of(0),
      );
    if (shape.data === true) parts.push(new Uint8Array(this.request.data).fill(this.request.data));
    if (shape.opcode === OPCODE.IOCTL) parts.push(this.argument(head));
    return { opcode: shape.opcode, nodeid: this.node, body: this.cut(join(parts)), ...caller, shape };
  }

  /** What has no shape: opcodes that nobody knows, FORGET and INTERRUPT, which get no reply. */
  private unknown(): { opcode: number; nodeid: bigint; body: Uint8Array } {
    const opcode = this.pick([
      OPCODE.FORGET,
      OPCODE.BATCH_FORGET,
      OPCODE.INTERRUPT,
      OPCODE.NOTIFY_REPLY,
      OPCODE.SETUPMAPPING,
      OPCODE.REMOVEMAPPING,
      OPCODE.DESTROY,
      0,
      7,
      63,
      64,
      4096,
      0xffffffff,
    ]);
    const body = new Uint8Array(8 + 16 * this.pick([0, 1, 3]));
    const view = new DataView(body.buffer);
    for (let at = 0; at < body.length; at += 8) view.setBigUint64(at, this.word(), true);
    // BATCH_FORGET counts what follows.
    if (!this.request.isWild) view.setUint32(0, (body.length - 8) / 16, true);
    return { opcode, nodeid: this.node, body: this.cut(body) };
  }

  private cut(body: Uint8Array): Uint8Array {
    const { cut } = this.request;
    if (cut === 0) return body;
    if (cut < 0) return body.slice(0, Math.max(0, body.length + cut));
    return join([body, new Uint8Array(cut).fill(0xee)]);
  }

  private structure({ structure, opcode }: Shape): Uint8Array {
    if (structure === undefined) return new Uint8Array(0);
    const bytes = new Uint8Array(structure.$.size);
    const view = new DataView(bytes.buffer);
    for (const [label, field] of structure.$.fields) put(view, field, this.value(label, opcode));
    return bytes;
  }

  /** A value for a field, mostly one that means something there. */
  private value(label: string, opcode: number): bigint {
    if (label.startsWith('fh')) return this.handle;
    if (['oldnodeid', 'newdir', 'nodeid_out'].includes(label)) return this.node;
    if (this.strays) return this.word();
    switch (label) {
      case 'mode':
        if (opcode === OPCODE.FALLOCATE) return BigInt(this.pick([0, 1, 3, 16, 17, 8, 64]));
        return BigInt(this.pick(MODES));
      case 'flags':
        if (opcode === OPCODE.OPEN || opcode === OPCODE.CREATE || opcode === OPCODE.TMPFILE)
          return BigInt(this.pick(OPEN_FLAGS));
        return BigInt(this.pick([0, 0, 1, 2]));
      case 'valid':
        return BigInt(this.pick(VALID));
      case 'size':
        if (opcode === OPCODE.WRITE || opcode === OPCODE.SETXATTR) return BigInt(this.request.data);
        return BigInt(this.pick([0, 100, 4096, 70_000, 131_072]));
      case 'offset':
      case 'off_in':
      case 'off_out':
        if (opcode === OPCODE.READDIR || opcode === OPCODE.READDIRPLUS) return this.pick(this.world.cookies);
        return BigInt(this.pick([0, 1, 100, 4096, 12_345, 300_000]));
      case 'length':
      case 'len':
        return BigInt(this.pick([1, 4096, 5000, 100_000]));
      case 'whence':
        return BigInt(this.pick([3, 4, 0]));
      case 'write_flags':
      case 'open_flags':
      case 'release_flags':
      case 'umask':
      case 'padding':
      case 'lock_owner':
        return BigInt(this.pick([0, 0, 0, 1]));
      case 'cmd':
        return BigInt(this.pick(Object.values(commands)).value);
      default:
        return this.word();
    }
  }

  /** The argument of an ioctl; what is said of it is put into `head`. */
  private argument(head: Uint8Array): Uint8Array {
    const view = new DataView(head.buffer);
    const command = this.pick(Object.values(commands));
    const { size } = command.argument.$;
    if (!this.strays) {
      ioctlIn.cmd.set(view, 0, command.value);
      ioctlIn.in_size.set(view, 0, size);
      ioctlIn.out_size.set(view, 0, size);
      ioctlIn.flags.set(view, 0, 0);
    }
    const bytes = new Uint8Array(size);
    const argument = new DataView(bytes.buffer);
    const structure = command.argument;
    if (structure === vectorFileInfo) {
      vectorFileInfo.dimensions.set(argument, 0, this.pick([1, 3, 4, 4, 65536, 65537]));
      vectorFileInfo.element_type.set(argument, 0, this.pick([1, 1, 2, 3, 4, 5]));
      vectorFileInfo.data_offset.setBig(argument, 0, this.pick([0n, 0n, 4n, 128n, this.word()]));
      vectorFileInfo.alignment_bytes.set(argument, 0, this.pick([0, 0, 16, 4096, 3]));
    } else if (structure === vectorSearchRequest) {
      vectorSearchRequest.query_vector.setBig(argument, 0, this.pointer());
      vectorSearchRequest.dimensions.set(argument, 0, this.pick([1, 3, 4, 4]));
      vectorSearchRequest.k.set(argument, 0, this.pick([1, 5, 100, 0, 10_001]));
      vectorSearchRequest.search_type.set(argument, 0, this.pick([0, 1, 2, 3]));
      vectorSearchRequest.results.setBig(argument, 0, this.pointer());
      vectorSearchRequest.result_ids.setBig(argument, 0, this.pointer());
    } else if (structure === batchInsertRequest) {
      batchInsertRequest.vectors.setBig(argument, 0, this.pointer());
      batchInsertRequest.vector_count.set(argument, 0, this.pick([1, 2, 50, 0, 1 << 20, 0xffffffff]));
      batchInsertRequest.dimensions.set(argument, 0, this.pick([1, 3, 4, 4]));
      batchInsertRequest.vector_ids.setBig(argument, 0, this.pick([0n, this.pointer()]));
      batchInsertRequest.flags.set(argument, 0, this.pick([0, 1, 2, 4, 5, 3, 8]));
    } else if (structure === getEmbedding) {
      getEmbedding.id.setBig(argument, 0, this.word());
      getEmbedding.data.setBig(argument, 0, this.pointer());
      getEmbedding.data_size.set(argument, 0, this.pick([0, 4, 12, 16, 1000]));
      getEmbedding.element_type.set(argument, 0, this.pick([0, 1, 2, 9]));
    }
    return bytes;
  }

  /** Into memory that is there for it, or where nothing can be: never where something else of this process is. */
  private pointer(): bigint {
    const { address, length } = this.buffers;
    const inside = BigInt(address + (this.pick([0, 1, 64, 4096]) % length));
    return this.pick([inside, inside, inside, inside, 0n, 0x1000n, 0xffff_8000_0000_0000n]);
  }
}

function put(view: DataView, field: Field, value: bigint): void {
  if (field.count > 0) return;
  if (field.size === 8) view.setBigUint64(field.offset, BigInt.asUintN(64, value), true);
  else if (field.size === 4) view.setUint32(field.offset, Number(BigInt.asUintN(32, value)), true);
  else view.setUint16(field.offset, Number(BigInt.asUintN(16, value)), true);
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}
