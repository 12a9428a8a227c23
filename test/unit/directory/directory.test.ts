import { constants } from 'node:os';
import { directory, FsError } from '@vexfs/fuse/volume';
import test from 'ava';
import { MemoryInode, MemoryVolume, randomNumbers } from './memory_volume.js';

const { EEXIST, ENAMETOOLONG, ENOENT, ENOSPC, EINVAL } = constants.errno;
const BLOCK_SIZES = [1024, 2048, 4096, 8192, 16384, 32768, 65536];

/** A hash with a few values only, the two that meet reserved cookies among them. */
class WeakHash implements directory.NameHash {
  hi = 0;
  lo = 0;
  private readonly values: number;
  constructor(values: number) {
    this.values = values;
  }
  hash(name: Uint8Array): void {
    let sum = name.length;
    for (const byte of name) sum = (Math.imul(sum, 31) + byte) >>> 0;
    const value = sum % this.values;
    // Bits 56..63 must not count.
    this.hi = ((sum & 0xff) << 24) >>> 0;
    this.lo = value;
    if (value === 1) {
      this.hi = 0xffffffff;
      this.lo = 0xffffffff;
    } else if (value > 1) {
      this.hi += value * 97;
      this.lo = (value * 0x9e3779b1) >>> 0;
    }
  }
}

const text = (name: Uint8Array): string => Buffer.from(name).toString('latin1');
const bytes = (name: string): Uint8Array => new Uint8Array(Buffer.from(name, 'latin1'));

function errnoOf(run: () => unknown): number {
  try {
    run();
  } catch (error) {
    if (error instanceof FsError) return error.errno;
    throw error;
  }
  return 0;
}

function entriesOf(volume: MemoryVolume, dir: MemoryInode): Map<string, number> {
  const found = new Map<string, number>();
  let lastHi = 0;
  let lastLo = 2;
  directory.iterate(volume, dir, { hi: 0, lo: 0 }, (name, inode, _type, hi, lo) => {
    if (hi < lastHi || (hi === lastHi && lo <= lastLo)) throw new Error('cookies do not ascend');
    lastHi = hi;
    lastLo = lo;
    found.set(text(name), inode);
    return true;
  });
  return found;
}

/** Names and blocks by the checker's own way through the tree; any damage fails the test. */
function inspect(
  volume: MemoryVolume,
  dir: MemoryInode,
): { names: Map<string, number>; blocks: Set<number> } {
  const names = new Map<string, number>();
  const blocks = new Set<number>();
  directory.walk(volume, dir, {
    block: (number) => {
      blocks.add(number);
      return true;
    },
    entry: (name, inode) => {
      names.set(text(name), inode);
    },
    damage: (error) => {
      throw new Error(`unexpected damage: ${error.message}`);
    },
  });
  return { names, blocks };
}

const sorted = (map: Map<string, number>): Array<[string, number]> =>
  [...map].sort(([a], [b]) => (a < b ? -1 : 1));

interface ModelRun {
  readonly blockSize: number;
  readonly hash: directory.NameHash;
  readonly steps: number;
  readonly seed: number;
}

/** Random operations on a directory and on a Map; returns the first disagreement. */
function disagreement({ blockSize, hash, steps, seed }: ModelRun): string | undefined {
  const random = randomNumbers(seed);
  const volume = new MemoryVolume(blockSize, hash);
  const dir = new MemoryInode(12);
  const model = new Map<string, number>();
  const pool: string[] = [];
  const newName = (): string => {
    const length = random() < 0.1 ? 255 - Math.floor(random() * 8) : 1 + Math.floor(random() * 40);
    let name = '';
    for (let i = 0; i < length; i++) {
      const byte = 1 + Math.floor(random() * 255);
      name += String.fromCharCode(byte === 0x2f ? 0x2e : byte);
    }
    return name;
  };
  const anyName = (): string =>
    pool.length > 0 && random() < 0.8 ? pool[Math.floor(random() * pool.length)]! : newName();

  for (let step = 0; step < steps; step++) {
    const growing = Math.floor(step / (steps / 5)) % 2 === 0;
    const choice = random();
    const inode = 1 + Math.floor(random() * volume.geometry.inodeCount);
    if (choice < (growing ? 0.6 : 0.1)) {
      const name = random() < 0.9 ? newName() : anyName();
      const expected = model.has(name) ? EEXIST : 0;
      const got = errnoOf(() => directory.insert(volume, dir, bytes(name), inode, 8));
      if (got === ENOSPC && hash instanceof WeakHash) continue;
      if (got !== expected) return `step ${step}: insert gave ${got}, expected ${expected}`;
      if (got === 0) {
        model.set(name, inode);
        pool.push(name);
      }
    } else if (choice < 0.7) {
      const name = anyName();
      const got = directory.remove(volume, dir, bytes(name))?.inode;
      if (got !== model.get(name)) return `step ${step}: remove gave ${got}, expected ${model.get(name)}`;
      model.delete(name);
    } else if (choice < 0.8) {
      const name = anyName();
      const before = directory.lookup(volume, dir, bytes(name));
      const expected = model.has(name) ? 0 : ENOENT;
      const got = errnoOf(() => directory.replace(volume, dir, bytes(name), inode, 4));
      if (got !== expected) return `step ${step}: replace gave ${got}, expected ${expected}`;
      if (got === 0) {
        model.set(name, inode);
        const after = directory.lookup(volume, dir, bytes(name))!;
        if (after.cookieHi !== before!.cookieHi || after.cookieLo !== before!.cookieLo)
          return `step ${step}: cookie changed`;
        if (after.type !== 4) return `step ${step}: type not replaced`;
      }
    } else {
      const name = anyName();
      const got = directory.lookup(volume, dir, bytes(name))?.inode;
      if (got !== model.get(name)) return `step ${step}: lookup gave ${got}, expected ${model.get(name)}`;
    }
    if (directory.entryCount(dir) !== model.size)
      return `step ${step}: ${directory.entryCount(dir)} entries, expected ${model.size}`;
    if (step % 500 === 499) {
      if (random() < 0.5) volume.remount();
      const { names, blocks } = inspect(volume, dir);
      if (JSON.stringify(sorted(names)) !== JSON.stringify(sorted(model)))
        return `step ${step}: walk saw other names`;
      if (JSON.stringify(sorted(entriesOf(volume, dir))) !== JSON.stringify(sorted(model)))
        return `step ${step}: iterate saw other names`;
      if (blocks.size !== volume.used.size || dir.blocks !== blocks.size)
        return `step ${step}: ${volume.used.size} blocks, ${blocks.size} in the tree`;
    }
  }
  return undefined;
}

for (const blockSize of BLOCK_SIZES) {
  test(`a directory with blocks of ${blockSize} answers like a map`, (t) => {
    t.is(
      disagreement({
        blockSize,
        hash: new directory.SipHash(new Uint8Array(16).fill(7)),
        steps: 6000,
        seed: blockSize,
      }),
      undefined,
    );
  });
}

for (const values of [3, 40]) {
  test(`a directory answers like a map when names have only ${values} hashes`, (t) => {
    for (const blockSize of [1024, 4096]) {
      t.is(disagreement({ blockSize, hash: new WeakHash(values), steps: 5000, seed: values }), undefined);
    }
  });
}

test('the 129th name with one hash is refused with ENOSPC and changes nothing', (t) => {
  // Of the hash that is all zeros 125 cookies are free, of that of all ones 127, of any other 128.
  const cases: ReadonlyArray<readonly [number, number, number]> = [
    [0, 0, 125],
    [0xffffffff, 0xffffffff, 127],
    [0x12345678, 0x9abcdef0, 128],
  ];
  for (const [hi, lo, room] of cases) {
    const volume = new MemoryVolume(1024, { hi, lo, hash: () => undefined });
    const dir = new MemoryInode(12);
    for (let i = 0; i < room; i++)
      directory.insert(volume, dir, bytes(`name ${i} ${'x'.repeat(i)}`), 1 + i, 8);
    volume.remount();
    const root = dir.root.slice();
    const used = volume.used.size;
    t.is(
      errnoOf(() => directory.insert(volume, dir, bytes('one more'), 5, 8)),
      ENOSPC,
    );
    t.deepEqual(dir.root, root);
    t.is(volume.used.size, used);
    t.is(volume.store.dirtyBlocks, 0);
    t.is(inspect(volume, dir).names.size, room);

    // A name that goes leaves its cookie to the next one.
    const gone = directory.lookup(volume, dir, bytes('name 50 '.concat('x'.repeat(50))))!;
    directory.remove(volume, dir, bytes('name 50 '.concat('x'.repeat(50))));
    directory.insert(volume, dir, bytes('one more'), 5, 8);
    const { cookieHi, cookieLo } = directory.lookup(volume, dir, bytes('one more'))!;
    t.deepEqual([cookieHi, cookieLo], [gone.cookieHi, gone.cookieLo]);
  }
});

test('cookies are the low 56 bits of the hash and the ordinal, and never a reserved one', (t) => {
  const zero = new MemoryVolume(1024, { hi: 0xab000000, lo: 0, hash: () => undefined });
  const dir = new MemoryInode(12);
  directory.insert(zero, dir, bytes('a'), 3, 8);
  const first = directory.lookup(zero, dir, bytes('a'))!;
  t.is(directory.cookieToBig(first.cookieHi, first.cookieLo), 3n);

  const other = new MemoryVolume(1024, { hi: 0xab123456, lo: 0x789abcde, hash: () => undefined });
  const second = new MemoryInode(12);
  directory.insert(other, second, bytes('a'), 3, 8);
  directory.insert(other, second, bytes('b'), 3, 8);
  const b = directory.lookup(other, second, bytes('b'))!;
  t.is(directory.cookieToBig(b.cookieHi, b.cookieLo), (0x123456789abcden << 7n) | 1n);
  t.deepEqual(directory.cookieFromBig((0x123456789abcden << 7n) | 1n), { hi: b.cookieHi, lo: b.cookieLo });
});

test('an empty directory owns no block, finds nothing and shows nothing', (t) => {
  const volume = new MemoryVolume(4096);
  const dir = new MemoryInode(12);
  t.is(directory.lookup(volume, dir, bytes('a')), undefined);
  t.is(directory.remove(volume, dir, bytes('a')), undefined);
  t.is(
    errnoOf(() => directory.replace(volume, dir, bytes('a'), 3, 8)),
    ENOENT,
  );
  t.is(entriesOf(volume, dir).size, 0);
  t.true(directory.freeAll(volume, dir, 1));
  directory.insert(volume, dir, bytes('a'), 3, 8);
  t.is(dir.blocks, 1);
  t.deepEqual(directory.remove(volume, dir, bytes('a')), { inode: 3, type: 8 });
  t.is(dir.blocks, 0);
  t.deepEqual(dir.root, new Uint8Array(112));
});

test('names without a byte or with more than 255 are refused', (t) => {
  const volume = new MemoryVolume(1024);
  const dir = new MemoryInode(12);
  t.is(
    errnoOf(() => directory.insert(volume, dir, new Uint8Array(0), 3, 8)),
    EINVAL,
  );
  t.is(
    errnoOf(() => directory.insert(volume, dir, new Uint8Array(256).fill(97), 3, 8)),
    ENAMETOOLONG,
  );
  directory.insert(volume, dir, new Uint8Array(255).fill(97), 3, 8);
  t.is(directory.lookup(volume, dir, new Uint8Array(255).fill(97))?.inode, 3);
  t.is(directory.lookup(volume, dir, new Uint8Array(254).fill(97)), undefined);
});

test('an insert without space for its splits fails with ENOSPC before it changes anything', (t) => {
  const volume = new MemoryVolume(1024);
  const dir = new MemoryInode(12);
  let refusals = 0;
  for (let i = 0; i < 4000; i++) {
    const name = bytes(`a name that is not short ${i}`);
    const needed = directory.blocksToInsert(volume, dir, name);
    for (let left = 0; ; left++) {
      volume.left = left;
      volume.commit();
      const root = dir.root.slice();
      const got = errnoOf(() => directory.insert(volume, dir, name, 3, 8));
      if (got === 0) {
        if (left !== needed || volume.left !== 0)
          t.fail(`insert ${i} took ${left} blocks, foreseen were ${needed}`);
        break;
      }
      refusals += 1;
      if (got !== ENOSPC || volume.store.dirtyBlocks !== 0 || Buffer.compare(root, dir.root) !== 0) {
        t.fail(
          `insert ${i} with ${left} blocks left: errno ${got}, ${volume.store.dirtyBlocks} blocks changed`,
        );
        return;
      }
    }
  }
  t.true(refusals > 100, `${refusals} refusals`);
  t.is(inspect(volume, dir).names.size, 4000);
});

test('reading in pieces shows every lasting entry once while others come and go', (t) => {
  const random = randomNumbers(9);
  for (const hash of [new directory.SipHash(new Uint8Array(16)), new WeakHash(60)]) {
    const volume = new MemoryVolume(1024, hash);
    const dir = new MemoryInode(12);
    for (let i = 0; i < 2000; i++) directory.insert(volume, dir, bytes(`lasting ${i}`), 3, 8);
    const passing: string[] = [];
    const seen = new Map<string, number>();
    let from = 0n;
    for (let calls = 0; ; calls++) {
      let shown = 0;
      directory.iterate(volume, dir, directory.cookieFromBig(from), (name, _inode, _type, hi, lo) => {
        seen.set(text(name), (seen.get(text(name)) ?? 0) + 1);
        from = directory.cookieToBig(hi, lo) + 1n;
        shown += 1;
        return shown < 20;
      });
      if (shown === 0) break;
      for (let i = 0; i < 30; i++) {
        if (random() < 0.5) {
          const name = `passing ${calls} ${i}`;
          if (errnoOf(() => directory.insert(volume, dir, bytes(name), 4, 8)) === 0) passing.push(name);
        } else if (passing.length > 0) {
          directory.remove(volume, dir, bytes(passing.splice(Math.floor(random() * passing.length), 1)[0]!));
        }
      }
    }
    for (let i = 0; i < 2000; i++) {
      if (seen.get(`lasting ${i}`) !== 1) t.fail(`lasting ${i} was seen ${seen.get(`lasting ${i}`)} times`);
    }
    t.pass();
  }
});

test('removing what each reading shows empties a directory and gives every block back', (t) => {
  const volume = new MemoryVolume(1024);
  const dir = new MemoryInode(12);
  for (let i = 0; i < 20000; i++) directory.insert(volume, dir, bytes(`file ${i}`), 3, 8);
  let from = 0n;
  for (;;) {
    const names: Uint8Array[] = [];
    directory.iterate(volume, dir, directory.cookieFromBig(from), (name, _inode, _type, hi, lo) => {
      names.push(name.slice());
      from = directory.cookieToBig(hi, lo) + 1n;
      return names.length < 50;
    });
    if (names.length === 0) break;
    for (const name of names) directory.remove(volume, dir, name);
  }
  t.is(directory.entryCount(dir), 0);
  t.is(volume.used.size, 0);
  t.is(dir.blocks, 0);
});

test('removing most names at random gives most blocks back', (t) => {
  const volume = new MemoryVolume(1024, undefined, 16384);
  const dir = new MemoryInode(12);
  const random = randomNumbers(3);
  const names = Array.from({ length: 30000 }, (_, i) => `file ${i}`);
  for (const name of names) directory.insert(volume, dir, bytes(name), 3, 8);
  const full = volume.used.size;
  for (let i = names.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [names[i], names[j]] = [names[j]!, names[i]!];
  }
  for (const name of names.splice(0, 29000)) directory.remove(volume, dir, bytes(name));
  volume.remount();
  t.is(inspect(volume, dir).names.size, 1000);
  t.true(
    volume.used.size < full / 6,
    `${volume.used.size} of ${full} blocks are left for a thirtieth of the names`,
  );
});

test('the blocks of a directory are freed in portions that each leave a sound tree', (t) => {
  const volume = new MemoryVolume(1024);
  const dir = new MemoryInode(12);
  for (let i = 0; i < 5000; i++) directory.insert(volume, dir, bytes(`file ${i}`), 3, 8);
  let before = volume.used.size;
  while (!directory.freeAll(volume, dir, 30)) {
    volume.remount();
    t.true(volume.used.size < before);
    before = volume.used.size;
    const { names, blocks } = inspect(volume, dir);
    t.is(names.size, directory.entryCount(dir));
    t.is(blocks.size, volume.used.size);
  }
  t.is(volume.used.size, 0);
  t.deepEqual(dir.root, new Uint8Array(112));
});

test('a visitor may look names up while the directory is read', (t) => {
  const volume = new MemoryVolume(1024);
  const dir = new MemoryInode(12);
  for (let i = 0; i < 500; i++) directory.insert(volume, dir, bytes(`file ${i}`), 1 + i, 8);
  let seen = 0;
  directory.iterate(volume, dir, { hi: 0, lo: 0 }, (name, inode) => {
    seen += 1;
    return (
      directory.lookup(volume, dir, bytes('file 499'))?.inode === 500 &&
      directory.lookup(volume, dir, name)?.inode === inode
    );
  });
  t.is(seen, 500);
});
