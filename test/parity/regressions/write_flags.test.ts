import { constants, readFileSync, writeSync } from 'node:fs';
import koffi from 'koffi';
import { paritySuite } from '../backend/suite.js';
import { insert, nearestIds } from '../client/vector_calls.js';

const { test, fresh, open, vectorFile } = paritySuite({ size: '48M' });

const fcntl = koffi.load('libc.so.6').func('int fcntl(int fd, int command, int argument)') as (
  fd: number,
  command: number,
  argument: number,
) => number;
const F_SETFL = 4;

test('a descriptor that has lost O_APPEND by fcntl writes where it is told', (t) => {
  const path = fresh();
  const fd = open(path, constants.O_RDWR | constants.O_CREAT | constants.O_APPEND);
  writeSync(fd, 'abcdef');
  t.is(fcntl(fd, F_SETFL, 0), 0);
  writeSync(fd, 'X', 1);
  t.is(readFileSync(path, 'utf8'), 'aXcdef');
});

test('a descriptor that has got O_APPEND by fcntl appends', (t) => {
  const { fd } = vectorFile({ dimensions: 1 }, [1]);
  t.is(fcntl(fd, F_SETFL, constants.O_APPEND), 0);
  t.is(insert(fd, [2], { dimensions: 1 }), 'ok');
  writeSync(fd, Buffer.from(Float32Array.of(3).buffer));
  t.deepEqual(nearestIds(fd, [0]), [0n, 1n, 2n]);
});
