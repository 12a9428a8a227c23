/** Requests that a kernel does not send and that once did harm, each with its one answer. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  entryOut,
  linkIn,
  mkdirIn,
  mknodIn,
  OPCODE,
  openIn,
  openOut,
  readIn,
  setattrIn,
} from '@vexfs/fuse/protocol';
import { FileDevice } from '@vexfs/fuse/system';
import { checkVolume } from '@vexfs/mkfs/fsck';
import type { AnyStruct } from '@vexfs/shared';
import ava, { type TestFn } from 'ava';
import { emptyImage } from '../../unit/volume/test_volume.js';
import { FusePeer, type Reply } from './peer.js';

const { EBADF, EINVAL, EISDIR, ENOTDIR, EPERM, ESTALE } = constants.errno;
const ATIME = 0x10;

interface Context {
  peer: FusePeer;
  /** Nodes of a directory, a file and a symlink. */
  directory: number;
  file: number;
  link: number;
}

const test = (ava as TestFn<Context>).serial;
const folder = mkdtempSync(join(tmpdir(), 'vexfs-refused-'));
const path = join(folder, 'volume.img');
let unique = 10;

function body(
  structure: AnyStruct | undefined,
  fields: Readonly<Record<string, number>>,
  ...names: string[]
): Uint8Array {
  const bytes = new Uint8Array(structure?.$.size ?? 0);
  const view = new DataView(bytes.buffer);
  for (const [label, field] of structure?.$.fields ?? []) {
    const value = fields[label] ?? 0;
    if (field.size === 8) view.setBigUint64(field.offset, BigInt(value), true);
    else if (field.size === 4) view.setUint32(field.offset, value, true);
  }
  return new Uint8Array(Buffer.concat([bytes, ...names.map((name) => Buffer.from(`${name}\0`))]));
}

/** The answer to a request; throws when there is none, or a second one. */
async function ask(peer: FusePeer, opcode: number, nodeid: number, content: Uint8Array): Promise<Reply> {
  unique += 2;
  peer.send({ opcode, unique, nodeid, body: content });
  const reply = await peer.receive();
  if (reply?.unique !== unique) throw new Error(`request ${unique} was answered by ${reply?.unique}`);
  const kept = { ...reply, payload: reply.payload.slice() };
  const second = await peer.receive(30);
  if (second !== undefined) throw new Error(`request ${unique} was answered twice`);
  return { ...kept, view: new DataView(kept.payload.buffer) };
}

ava.serial.before('a volume is served', async (t) => {
  writeFileSync(path, emptyImage({ blockSize: 1024, dataBlocks: 300 }));
  const peer = await FusePeer.start(path);
  const node = async (opcode: number, content: Uint8Array): Promise<number> =>
    entryOut.nodeid.get((await ask(peer, opcode, 1, content)).view, 0);
  const directory = await node(OPCODE.MKDIR, body(mkdirIn, { mode: 0o755 }, 'directory'));
  const file = await node(OPCODE.MKNOD, body(mknodIn, { mode: 0o100644 }, 'file'));
  const link = await node(OPCODE.SYMLINK, body(undefined, {}, 'link', 'target'));
  Object.assign(t.context as Context, { peer, directory, file, link });
});

ava.serial.after.always('the volume is sound, and not marked as damaged', async (t) => {
  await (t.context as Context).peer.end();
  const device = FileDevice.open(path, { readOnly: true });
  const findings = checkVolume(device, { mode: 'look' }).examination?.findings.list;
  device.close();
  rmSync(folder, { recursive: true });
  t.deepEqual(findings, []);
});

for (const opcode of [OPCODE.READDIR, OPCODE.READDIRPLUS]) {
  test(`a listing (opcode ${opcode}) through a handle that nobody has is answered once`, async (t) => {
    const { error } = await ask(t.context.peer, opcode, 1, body(readIn, { fh: 4711, size: 4096 }));
    t.is(error, -EBADF);
  });

  test(`a listing (opcode ${opcode}) of what is no directory is ENOTDIR`, async (t) => {
    for (const node of [t.context.file, t.context.link]) {
      t.is((await ask(t.context.peer, opcode, node, body(readIn, { size: 4096 }))).error, -ENOTDIR);
    }
  });
}

test('a read of what is no file is refused, and no sign of damage', async (t) => {
  const { peer, file, link, directory } = t.context;
  const opened = await ask(peer, OPCODE.OPEN, file, body(openIn, {}));
  const fh = openOut.fh.get(opened.view, 0);
  t.is((await ask(peer, OPCODE.READ, link, body(readIn, { fh, size: 100 }))).error, -EINVAL);
  t.is((await ask(peer, OPCODE.READ, directory, body(readIn, { fh, size: 100 }))).error, -EISDIR);
});

test('a number that no inode has, as in a file handle made up, is ESTALE', async (t) => {
  const { peer, file } = t.context;
  for (const node of [0, 4711, 2 ** 40])
    t.is((await ask(peer, OPCODE.GETATTR, node, body(undefined, {}, 'x'.repeat(15)))).error, -ESTALE);
  t.is((await ask(peer, OPCODE.LOOKUP, file, body(undefined, {}, '..'))).error, -ESTALE);
});

test('names that no entry may have are EINVAL', async (t) => {
  const { peer } = t.context;
  for (const name of ['.', '..', 'a/b', '/']) {
    t.is((await ask(peer, OPCODE.MKDIR, 1, body(mkdirIn, { mode: 0o755 }, name))).error, -EINVAL, name);
  }
});

test('a node of a type that mknod(2) does not make is EINVAL', async (t) => {
  const { peer } = t.context;
  for (const mode of [0o040755, 0o120777, 0o644, 0o150644]) {
    t.is(
      (await ask(peer, OPCODE.MKNOD, 1, body(mknodIn, { mode }, 'node'))).error,
      -EINVAL,
      mode.toString(8),
    );
  }
});

test('a second name for a directory is EPERM', async (t) => {
  const { peer, directory } = t.context;
  t.is((await ask(peer, OPCODE.LINK, 1, body(linkIn, { oldnodeid: directory }, 'again'))).error, -EPERM);
});

test('a time with more nanoseconds than a second has is EINVAL', async (t) => {
  const { peer, file } = t.context;
  const content = body(setattrIn, { valid: ATIME, atimensec: 1_000_000_000 });
  t.is((await ask(peer, OPCODE.SETATTR, file, content)).error, -EINVAL);
});
