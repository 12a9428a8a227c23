import { fsyncSync, statfsSync, unlinkSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { paritySuite } from '../backend/suite.js';

const { test, backend, fresh, open, close } = paritySuite({ size: '96M' });

const BLOCK = 4096;
const PIECES = 6000;
/** A transaction frees a few hundred pieces at most: at one transaction a second it would take many times as long. */
const SOON_MS = 6000;

function free(): number {
  return statfsSync(backend.mountpoint).bfree;
}

/** Two files that are written in turn, so that no block of one follows its neighbour; both are closed. */
function scatteredPair(): [string, string] {
  const paths: [string, string] = [fresh(), fresh()];
  const fds = paths.map((path) => open(path));
  const block = new Uint8Array(BLOCK).fill(1);
  // With holes between them, so that no two blocks are ever one piece.
  for (let i = 0; i < PIECES; i++) for (const fd of fds) writeSync(fd, block, 0, BLOCK, 2 * i * BLOCK);
  for (const fd of fds) {
    fsyncSync(fd);
    close(fd);
  }
  return paths;
}

test('the space of a file in thousands of pieces is free soon after its deletion', async (t) => {
  const [one, other] = scatteredPair();
  const before = free();
  unlinkSync(one);
  const begun = performance.now();
  while (free() < before + PIECES && performance.now() - begun < SOON_MS) await sleep(50);
  t.true(free() >= before + PIECES, `${free() - before} blocks of ${PIECES} are free after ${SOON_MS} ms`);
  unlinkSync(other);
});

test('a full volume takes what a deletion in thousands of pieces made room for', (t) => {
  const [one, other] = scatteredPair();
  const filler = open(fresh());
  const chunk = new Uint8Array(64 * BLOCK).fill(2);
  for (const piece of [chunk, chunk.subarray(0, BLOCK)]) {
    t.throws(
      () => {
        for (;;) writeSync(filler, piece);
      },
      { code: 'ENOSPC' },
    );
  }
  unlinkSync(one);
  // Fewer than were freed: a file needs blocks for its tree too.
  let written = 0;
  while (written < (PIECES - 200) * BLOCK) written += writeSync(filler, chunk);
  t.true(written >= (PIECES - 200) * BLOCK);
  unlinkSync(other);
});

test('a volume that was full in thousands of pieces can be filled as far again at once', (t) => {
  const block = new Uint8Array(BLOCK).fill(3);
  const fill = (): number => {
    const paths = [fresh(), fresh()];
    const fds = paths.map((path) => open(path));
    let blocks = 0;
    t.throws(
      () => {
        for (; ; blocks++) writeSync(fds[blocks % 2]!, block, 0, BLOCK, blocks * BLOCK);
      },
      { code: 'ENOSPC' },
    );
    for (const fd of fds) close(fd);
    for (const path of paths) unlinkSync(path);
    return blocks;
  };
  const first = fill();
  for (let round = 0; round < 3; round++) {
    const again = fill();
    t.true(again > first - 50, `${again} blocks of ${first}`);
  }
});
