import { constants } from 'node:os';
import { DamageError, FsError, xattr } from '@vexfs/fuse/volume';
import test from 'ava';
import { MemoryInode, MemoryVolume, randomNumbers } from './memory_volume.js';

const { E2BIG, EEXIST, EINVAL, ENODATA, ENOSPC, ERANGE } = constants.errno;
const CHECKSUM_AT = 12;
const HEADER = 32;

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'latin1'));
const named = (full: string): xattr.XattrName => xattr.parseName(bytes(full))!;

function errnoOf(run: () => unknown): number {
  try {
    run();
  } catch (error) {
    if (error instanceof FsError) return error.errno;
    throw error;
  }
  return 0;
}

function listed(volume: MemoryVolume, inode: MemoryInode): string[] {
  const names = Buffer.from(xattr.list(volume, inode)).toString('latin1').split('\0');
  if (names.pop() !== '') throw new Error('the list does not end with a NUL');
  return names;
}

test('full names are split into a name space and the rest', (t) => {
  t.deepEqual(named('user.a'), { space: 1, name: bytes('a') });
  t.deepEqual(named('trusted.overlay.opaque'), { space: 2, name: bytes('overlay.opaque') });
  t.deepEqual(named('security.selinux'), { space: 3, name: bytes('selinux') });
  t.deepEqual(named('system.posix_acl_access'), { space: 4, name: bytes('') });
  t.deepEqual(named('system.posix_acl_default'), { space: 5, name: bytes('') });
  for (const full of [
    '',
    'user',
    'user.',
    'security.',
    'system.posix_acl_access.x',
    'system.other',
    'os2.a',
    'User.a',
  ]) {
    t.is(xattr.parseName(bytes(full)), undefined, full);
  }
  t.is(named(`user.${'x'.repeat(250)}`).name.length, 250);
  t.is(
    errnoOf(() => xattr.parseName(bytes(`user.${'x'.repeat(251)}`))),
    ERANGE,
  );
});

for (const blockSize of [1024, 4096, 65536]) {
  test(`attributes in blocks of ${blockSize} answer like a map`, (t) => {
    const random = randomNumbers(blockSize);
    const volume = new MemoryVolume(blockSize);
    const inode = new MemoryInode(20);
    const model = new Map<string, Uint8Array>();
    const names = ['system.posix_acl_access', 'system.posix_acl_default'];
    for (let i = 0; i < 30; i++) names.push(`user.${'n'.repeat(1 + i * 8)}`, `trusted.${i}`, `security.${i}`);
    let refusals = 0;
    for (let step = 0; step < 5000; step++) {
      const full = names[Math.floor(random() * names.length)]!;
      const name = named(full);
      const choice = random();
      if (choice < 0.5) {
        const length = Math.floor(random() ** 4 * (blockSize + 50));
        const value = Uint8Array.from({ length }, () => random() * 256);
        const flags = Math.floor(random() * 3);
        const before = [...model].reduce((sum, [n, v]) => (n === full ? sum : sum + spaceOf(n, v)), HEADER);
        let expected = 0;
        if (value.length > 65536) expected = E2BIG;
        else if (flags === xattr.SET_CREATE && model.has(full)) expected = EEXIST;
        else if (flags === xattr.SET_REPLACE && !model.has(full)) expected = ENODATA;
        else if (before + spaceOf(full, value) > blockSize) expected = ENOSPC;
        const got = errnoOf(() => xattr.set(volume, inode, name, value, flags));
        if (got !== expected) t.fail(`step ${step}: set gave ${got}, expected ${expected}`);
        if (got === ENOSPC) refusals += 1;
        if (got === 0) model.set(full, value);
      } else if (choice < 0.75) {
        const expected = model.has(full) ? 0 : ENODATA;
        const got = errnoOf(() => xattr.remove(volume, inode, name));
        if (got !== expected) t.fail(`step ${step}: remove gave ${got}, expected ${expected}`);
        model.delete(full);
      } else {
        const got = xattr.get(volume, inode, name);
        const expected = model.get(full);
        if (
          (got === undefined) !== (expected === undefined) ||
          (got !== undefined && Buffer.compare(got, expected!) !== 0)
        ) {
          t.fail(`step ${step}: get gave ${got?.length} bytes, expected ${expected?.length}`);
        }
      }
      if (step % 100 === 99) {
        volume.remount();
        if (model.size > 0) t.deepEqual(listed(volume, inode).sort(), [...model.keys()].sort());
        else t.is(xattr.list(volume, inode).length, 0);
        t.is(volume.used.size, model.size > 0 ? 1 : 0);
        t.is(inode.blocks, volume.used.size);
      }
    }
    t.true(refusals > 0);
    for (const full of [...model.keys()]) xattr.remove(volume, inode, named(full));
    t.is(inode.xattrBlock, 0);
    t.is(volume.used.size, 0);
  });
}

function spaceOf(full: string, value: Uint8Array): number {
  return Math.ceil((8 + named(full).name.length + value.length) / 8) * 8;
}

test('a refused set changes nothing', (t) => {
  const volume = new MemoryVolume(1024);
  const inode = new MemoryInode(20);
  volume.left = 0;
  t.is(
    errnoOf(() => xattr.set(volume, inode, named('user.a'), bytes('1'))),
    ENOSPC,
  );
  t.is(inode.xattrBlock, 0);
  volume.left = 1;
  t.is(
    errnoOf(() => xattr.set(volume, inode, named('user.a'), new Uint8Array(1000))),
    ENOSPC,
  );
  t.is(volume.used.size, 0);
  xattr.set(volume, inode, named('user.a'), bytes('kept'));
  volume.remount();
  const cases: ReadonlyArray<readonly [number, string, Uint8Array, number]> = [
    [ENOSPC, 'user.a', new Uint8Array(1000), 0],
    [ENOSPC, 'user.b', new Uint8Array(1000), 0],
    [E2BIG, 'user.a', new Uint8Array(65537), 0],
    [EEXIST, 'user.a', bytes('2'), xattr.SET_CREATE],
    [ENODATA, 'user.b', bytes('2'), xattr.SET_REPLACE],
    [EEXIST, 'user.a', bytes('2'), xattr.SET_CREATE | xattr.SET_REPLACE],
    [ENODATA, 'user.b', bytes('2'), xattr.SET_CREATE | xattr.SET_REPLACE],
    [EINVAL, 'user.b', bytes('2'), 4],
  ];
  for (const [errno, name, value, flags] of cases) {
    t.is(
      errnoOf(() => xattr.set(volume, inode, named(name), value, flags)),
      errno,
    );
  }
  t.is(volume.store.dirtyBlocks, 0);
  t.deepEqual(xattr.get(volume, inode, named('user.a')), bytes('kept'));
  t.deepEqual(listed(volume, inode), ['user.a']);
});

test('a list can leave name spaces out', (t) => {
  const volume = new MemoryVolume(1024);
  const inode = new MemoryInode(20);
  for (const full of ['user.a', 'trusted.b', 'system.posix_acl_access'])
    xattr.set(volume, inode, named(full), bytes('v'));
  const shown = xattr.list(volume, inode, (space) => space !== 2);
  t.is(Buffer.from(shown).toString(), 'user.a\0system.posix_acl_access\0');
});

test('every byte of an attribute block is covered by its checksum', (t) => {
  const volume = new MemoryVolume(1024);
  const inode = new MemoryInode(20);
  xattr.set(volume, inode, named('user.a'), bytes('value'));
  volume.remount();
  const sound = volume.device.blocks.get(inode.xattrBlock)!;
  for (let at = 0; at < 1024; at++) {
    const changed = sound.slice();
    changed[at]! ^= 1 << (at % 8);
    volume.device.blocks.set(inode.xattrBlock, changed);
    volume.remount();
    t.throws(() => xattr.get(volume, inode, named('user.a')), { instanceOf: DamageError });
  }
});

test('no byte of an attribute block with a right checksum makes an operation leave the block', (t) => {
  const random = randomNumbers(5);
  let noticed = 0;
  const build = (): { volume: MemoryVolume; inode: MemoryInode } => {
    const volume = new MemoryVolume(1024);
    const inode = new MemoryInode(20);
    for (let i = 0; i < 8; i++) xattr.set(volume, inode, named(`user.${i}`), new Uint8Array(i * 13).fill(i));
    xattr.set(volume, inode, named('system.posix_acl_access'), new Uint8Array(28));
    volume.commit();
    return { volume, inode };
  };
  const { volume: sound, inode: origin } = build();
  const block = origin.xattrBlock;
  for (let at = 0; at < 2000; at++) {
    const volume = new MemoryVolume(1024);
    volume.device.blocks.set(block, sound.device.blocks.get(block)!);
    volume.used.add(block);
    const inode = new MemoryInode(20);
    inode.xattrBlock = block;
    volume.forge(block, CHECKSUM_AT, (b) => {
      if (at < 1024) b[at]! ^= 0xff;
      else for (let i = 0; i < 6; i++) b[Math.floor(random() * 160)] = random() * 256;
    });
    const operations = [
      () => xattr.list(volume, inode),
      () => xattr.get(volume, inode, named('user.5')),
      () => xattr.set(volume, inode, named('user.3'), new Uint8Array(60)),
      () => xattr.set(volume, inode, named('user.x'), new Uint8Array(60)),
      () => xattr.remove(volume, inode, named('user.1')),
      () => xattr.each(volume, inode, () => undefined),
    ];
    // errnoOf lets through what is no FsError, as an access outside of the block.
    const results = operations.map(errnoOf);
    if (results[0] === 117) noticed += 1;
  }
  t.true(noticed > 500, `${noticed} changes were noticed`);
});

test('an attribute block outside of the data area or of another inode is damage', (t) => {
  const volume = new MemoryVolume(1024);
  const inode = new MemoryInode(20);
  for (const block of [1, volume.geometry.journalStart, volume.geometry.totalBlocks, 2 ** 60]) {
    inode.xattrBlock = block;
    t.throws(() => xattr.get(volume, inode, named('user.a')), { instanceOf: DamageError });
  }
  const owner = new MemoryInode(21);
  xattr.set(volume, owner, named('user.a'), bytes('1'));
  inode.xattrBlock = owner.xattrBlock;
  t.throws(() => xattr.get(volume, inode, named('user.a')), {
    instanceOf: DamageError,
    message: /belongs to inode 21/,
  });
});
