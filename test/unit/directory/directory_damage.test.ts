import { DamageError, directory, FsError } from '@vexfs/fuse/volume';
import test from 'ava';
import { MemoryInode, MemoryVolume, randomNumbers } from './memory_volume.js';

/** Where the checksum of a directory block stands. */
const CHECKSUM_AT = 20;
const HEADER = 32;
const NAMES = 900;
const bytes = (name: string): Uint8Array => new Uint8Array(Buffer.from(name));
const nameOf = (i: number): Uint8Array => bytes(`name ${i}`);

interface Built {
  readonly volume: MemoryVolume;
  readonly dir: MemoryInode;
  readonly root: Uint8Array;
  readonly leaves: readonly number[];
  readonly inner: readonly number[];
}

/** A directory with one inner block above its leaves. */
function build(names = NAMES): Built {
  const volume = new MemoryVolume(1024);
  const dir = new MemoryInode(12);
  for (let i = 0; i < names; i++) directory.insert(volume, dir, nameOf(i), 1 + i, 8);
  // Garbage in the leaves.
  for (let i = 0; i < names; i += 9) directory.remove(volume, dir, nameOf(i));
  volume.remount();
  const leaves: number[] = [];
  const inner: number[] = [];
  directory.walk(volume, dir, {
    block: (number, level) => {
      (level === 0 ? leaves : inner).push(number);
      return true;
    },
    entry: () => undefined,
    damage: (error) => {
      throw error;
    },
  });
  return { volume, dir, root: dir.root.slice(), leaves, inner };
}

/** Runs what may end with an FsError; anything else, as an access outside of a buffer, fails the test. */
function tolerate(run: () => void): FsError | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    if (error instanceof FsError) return error;
    throw error;
  }
}

/** Every operation, on a volume that may be damaged in any way. Returns what the checker found. */
function exercise({ volume, dir }: Built, names = NAMES): number {
  let damages = 0;
  let visited = 0;
  directory.walk(volume, dir, {
    block: () => {
      visited += 1;
      if (visited > 10000) throw new Error('the walk does not end');
      return true;
    },
    entry: () => undefined,
    damage: () => {
      damages += 1;
    },
  });
  tolerate(() => {
    let seen = 0;
    directory.iterate(volume, dir, { hi: 0, lo: 0 }, () => {
      seen += 1;
      if (seen > 100000) throw new Error('the iteration does not end');
      return true;
    });
  });
  for (let i = 0; i < names; i += 1) {
    const name = nameOf(i);
    if (i % 3 === 0) tolerate(() => directory.lookup(volume, dir, name));
    else if (i % 3 === 1) tolerate(() => directory.remove(volume, dir, name));
    else tolerate(() => directory.insert(volume, dir, bytes(`new ${i}`), 5, 8));
  }
  tolerate(() => directory.freeAll(volume, dir, 10000));
  return damages;
}

/** The built directory with one block changed, as a volume of its own. */
function damaged(built: Built, block: number, change: (b: Uint8Array) => void, sealed: boolean): Built {
  const volume = new MemoryVolume(1024);
  for (const [number, content] of built.volume.device.blocks) volume.device.blocks.set(number, content);
  for (const number of built.volume.used) volume.used.add(number);
  if (sealed) {
    volume.forge(block, CHECKSUM_AT, change);
  } else {
    const content = volume.device.blocks.get(block)!.slice();
    change(content);
    volume.device.blocks.set(block, content);
  }
  const dir = new MemoryInode(12);
  dir.root.set(built.root);
  dir.blocks = built.dir.blocks;
  return { ...built, volume, dir };
}

test('a changed byte in any place of a leaf or an inner block is noticed by its checksum', (t) => {
  const built = build(120);
  t.is(built.inner.length, 1);
  for (const block of [built.leaves[1]!, built.inner[0]!]) {
    for (let at = 0; at < 1024; at++) {
      const { volume, dir } = damaged(
        built,
        block,
        (b) => {
          b[at]! ^= 1 << (at % 8);
        },
        false,
      );
      let right = 0;
      let refused = 0;
      for (let i = 0; i < 120; i += 4) {
        const expected = i % 9 === 0 ? undefined : 1 + i;
        const error = tolerate(() => {
          const got = directory.lookup(volume, dir, nameOf(i))?.inode;
          if (got !== expected)
            throw new Error(`byte ${at} of block ${block}: inode ${got} for name ${i}, expected ${expected}`);
          right += 1;
        });
        if (error !== undefined && !(error instanceof DamageError)) throw error;
        if (error !== undefined) refused += 1;
      }
      if (refused === 0 || right + refused !== 30)
        t.fail(`byte ${at}: ${right} right answers, ${refused} refused`);
    }
  }
  t.pass();
});

test('no byte of a block with a right checksum makes an operation leave the block, hang or throw anything else', (t) => {
  const built = build(240);
  let noticed = 0;
  for (const block of [built.leaves[1]!, built.inner[0]!]) {
    for (let at = 0; at < 1024; at++) {
      for (const mask of [0xff, 0x01, 0x80]) {
        noticed += Math.min(
          1,
          exercise(
            damaged(
              built,
              block,
              (b) => {
                b[at]! ^= mask;
              },
              true,
            ),
            240,
          ),
        );
      }
    }
  }
  t.true(noticed > 1000, `${noticed} changes were noticed`);
});

test('random changes to many bytes are survived', (t) => {
  const built = build();
  const random = randomNumbers(77);
  for (let round = 0; round < 300; round++) {
    const blocks = random() < 0.3 ? built.inner : built.leaves;
    const block = blocks[Math.floor(random() * blocks.length)]!;
    exercise(
      damaged(
        built,
        block,
        (b) => {
          const changes = 1 + Math.floor(random() * 20);
          for (let i = 0; i < changes; i++) {
            const at = random() < 0.4 ? Math.floor(random() * 100) : Math.floor(random() * 1024);
            b[at] = random() * 256;
          }
        },
        true,
      ),
    );
  }
  t.pass();
});

test('a block that stands for another one of the tree is damage', (t) => {
  const built = build();
  const top = built.inner.at(-1)!;
  const child = (b: Uint8Array, index: number, number: number): void => {
    new DataView(b.buffer).setBigUint64(HEADER + index * 16 + 8, BigInt(number), true);
  };
  const [first, second] = built.leaves;
  const changes: ReadonlyArray<(b: Uint8Array) => void> = [
    (b) => child(b, 0, top),
    (b) => child(b, 1, first!),
    (b) => child(b, 0, second!),
    (b) => child(b, 2, 0),
    (b) => child(b, 2, 3),
    (b) => child(b, 2, built.volume.geometry.journalStart),
    (b) => child(b, 2, built.volume.geometry.totalBlocks),
    (b) => child(b, 2, Number.MAX_SAFE_INTEGER),
  ];
  for (const [i, change] of changes.entries()) {
    const error = tolerate(() =>
      directory.iterate(damaged(built, top, change, true).volume, built.dir, { hi: 0, lo: 0 }, () => true),
    );
    t.true(error instanceof DamageError, `change ${i}: ${error?.message}`);
    t.true(exercise(damaged(built, top, change, true)) > 0, `change ${i} is not noticed by the checker`);
  }
});

test('an implausible root struct is damage', (t) => {
  const built = build();
  const changes: ReadonlyArray<(v: DataView) => void> = [
    (v) => v.setBigUint64(0, 0n, true),
    (v) => v.setBigUint64(0, 1n, true),
    (v) => v.setBigUint64(0, 2n ** 64n - 1n, true),
    (v) => v.setUint32(8, 0, true),
    (v) => v.setUint32(8, 9, true),
    (v) => v.setUint32(8, 0xffffffff, true),
  ];
  for (const [i, change] of changes.entries()) {
    const dir = new MemoryInode(12);
    dir.root.set(built.root);
    change(dir.rootView);
    t.true(
      tolerate(() => directory.lookup(built.volume, dir, nameOf(1))) instanceof DamageError,
      `change ${i}`,
    );
    t.true(exercise({ ...built, dir }) > 0, `change ${i} is not noticed by the checker`);
  }
});

test('blocks of another inode are not taken for those of a directory', (t) => {
  const built = build();
  const other = new MemoryInode(13);
  other.root.set(built.root);
  const error = tolerate(() => directory.lookup(built.volume, other, nameOf(1)));
  t.true(error instanceof DamageError);
  t.regex(error!.message, /belongs to inode 12/);
});

test('the checker finds a wrong count, a misplaced name and a name that is there twice', (t) => {
  const found = (built: Built): string[] => {
    const messages: string[] = [];
    directory.walk(built.volume, built.dir, {
      block: () => true,
      entry: () => undefined,
      damage: (error) => messages.push(error.message),
    });
    return messages;
  };
  const built = build(50);
  built.dir.rootView.setBigUint64(16, 7n, true);
  t.regex(found(built).join(), /counts 7/);

  const misplaced = build(50);
  const leaf = misplaced.leaves[0]!;
  const letter = damaged(
    misplaced,
    leaf,
    (b) => {
      b[new DataView(b.buffer).getUint16(HEADER, true) + 18] = 0x4e;
    },
    true,
  );
  t.regex(found(letter).join(), /does not belong to its name/);

  const alike = new MemoryVolume(1024, { hi: 1, lo: 1, hash: () => undefined });
  const dir = new MemoryInode(12);
  directory.insert(alike, dir, bytes('a'), 3, 8);
  directory.insert(alike, dir, bytes('b'), 3, 8);
  alike.remount();
  alike.forge(dir.rootView.getUint32(0, true), CHECKSUM_AT, (b) => {
    b[new DataView(b.buffer).getUint16(HEADER + 2, true) + 18] = 0x61;
  });
  const messages: string[] = [];
  directory.walk(alike, dir, {
    block: () => true,
    entry: () => undefined,
    damage: (error) => messages.push(error.message),
  });
  t.regex(messages.join(), /repeats a name/);
});
