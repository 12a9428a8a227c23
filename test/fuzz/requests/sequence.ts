/** One volume, one daemon, one list of requests: every one is answered, and the volume is sound in the end. */
import { writeFileSync } from 'node:fs';
import { expectsReply } from '@vexfs/fuse/protocol';
import { allocateMemory, FileDevice, freeMemory } from '@vexfs/fuse/system';
import { checkVolume } from '@vexfs/mkfs/fsck';
import { baseImage } from '../images/base_images.js';
import { FusePeer, type Reply } from './peer.js';
import type { Shape } from './shapes.js';
import { type Encoded, encode, type WildRequest } from './wild_requests.js';
import { World } from './world.js';

/** Requests that may be under way at once. */
const WINDOW = 6;
const BUFFER = 1 << 20;

/** How often a sequence was answered with which error (0: none). */
export type Answers = Map<number, number>;

/** Throws when a request is not answered as the protocol wants it, a thread fails, or the volume is damaged afterwards. */
export async function runSequence(
  path: string,
  base: number,
  requests: readonly WildRequest[],
): Promise<Answers> {
  writeFileSync(path, baseImage(base).bytes);
  const peer = await FusePeer.start(path);
  const memory = allocateMemory(BUFFER);
  const sequence = new Sequence(peer);
  try {
    for (const request of requests) {
      await sequence.send(encode(request, sequence.world, { address: memory.address, length: BUFFER / 2 }));
    }
    await sequence.drain(0);
    await peer.end();
  } catch (error) {
    await peer.abort();
    throw new Error(`${sequence.last}: ${(error as Error).message}`, { cause: error });
  } finally {
    freeMemory(memory);
  }
  const device = FileDevice.open(path, { readOnly: true });
  try {
    const { exitCode, examination } = checkVolume(device, { mode: 'look' });
    const findings = examination?.findings.list.map(({ message }) => message) ?? [];
    if (exitCode !== 0) throw new Error(`fsck -n says ${exitCode}: ${findings.slice(0, 5).join('; ')}`);
  } finally {
    device.close();
  }
  return sequence.answers;
}

class Sequence {
  readonly world = new World();
  readonly answers: Answers = new Map();
  last = 'nothing';
  private readonly peer: FusePeer;
  private readonly pending = new Map<number, Encoded>();
  private unique = 100;

  constructor(peer: FusePeer) {
    this.peer = peer;
  }

  async send(request: Encoded): Promise<void> {
    const { opcode, nodeid, body, uid, gid, pid } = request;
    this.unique += 2;
    this.last = `opcode ${opcode} for node ${nodeid}, ${body.length} bytes ${Buffer.from(body.subarray(0, 96)).toString('hex')}`;
    this.peer.send({ opcode, unique: this.unique, nodeid, body, uid, gid, pid });
    if (expectsReply(opcode)) this.pending.set(this.unique, request);
    await this.drain(WINDOW - 1);
  }

  /** Takes replies until no more than `most` are awaited. */
  async drain(most: number): Promise<void> {
    while (this.pending.size > most) {
      const reply = await this.peer.receive();
      if (reply === undefined) {
        const waiting = [...this.pending.values()].map(({ opcode }) => opcode);
        throw new Error(`no reply to requests with the opcodes ${waiting.join(', ')}`);
      }
      const request = this.pending.get(reply.unique);
      if (request === undefined) throw new Error(`a reply to ${reply.unique}, which nobody has asked`);
      this.pending.delete(reply.unique);
      this.answers.set(reply.error, (this.answers.get(reply.error) ?? 0) + 1);
      if (reply.error === 0) this.take(request, reply);
    }
  }

  private take({ opcode, nodeid, shape }: Encoded, reply: Reply): void {
    if (shape === undefined) throw new Error(`opcode ${opcode}, which nobody knows, was served`);
    if (!fits(shape, reply.payload.length))
      throw new Error(`opcode ${opcode} was answered with ${reply.payload.length} bytes`);
    this.world.learn(opcode, Number(nodeid), reply);
  }
}

function fits({ exactly, atMost }: Shape, bytes: number): boolean {
  return exactly === undefined ? bytes <= atMost! : bytes === exactly;
}
