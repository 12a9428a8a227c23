import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { paritySuite } from '../backend/suite.js';
import { createIndex, waitForIndex } from '../client/index_calls.js';
import { numberedRows } from '../client/stored_rows.js';
import { insert, setMeta } from '../client/vector_calls.js';

const { test, fresh, open, close } = paritySuite({ size: '48M' });
const SECONDS = 6;
const D = 4;

/** name_to_handle_at(2) and open_by_handle_at(2) of python, which has neither. */
const CALLS = `
import ctypes, errno, os, sys, time
libc = ctypes.CDLL(None, use_errno=True)
class Handle(ctypes.Structure):
    _fields_ = [('bytes', ctypes.c_uint), ('type', ctypes.c_int), ('number', ctypes.c_uint), ('generation', ctypes.c_uint),
                ('rest', ctypes.c_char * 120)]
def handle_of(path):
    handle, mount = Handle(128), ctypes.c_int()
    if libc.name_to_handle_at(-100, path.encode(), ctypes.byref(handle), ctypes.byref(mount), 0) != 0:
        raise OSError(ctypes.get_errno(), path)
    return handle
def outcome(folder, handle):
    fd = libc.open_by_handle_at(folder, ctypes.byref(handle), os.O_RDONLY)
    if fd < 0:
        return errno.errorcode[ctypes.get_errno()]
    os.close(fd)
    return 'ok'
`;

/** Opens handles of numbers that files have got, lost and got again. Prints the answers there were. */
const OPEN_STALE = `${CALLS}
folder = os.open(sys.argv[1], os.O_RDONLY)
first, answers, end = handle_of(sys.argv[2]), set(), time.time() + ${SECONDS}
while time.time() < end:
    for number in range(first.number + 1, first.number + 40):
        handle = Handle(first.bytes, first.type, number, 7)
        answers.add(outcome(folder, handle))
print(' '.join(sorted(answers)))
`;

function start(script: string, ...words: string[]): ChildProcess {
  return spawn('python3', ['-c', script, ...words], { stdio: ['ignore', 'pipe', 'inherit'] });
}

test('a file has a handle, which tells it from another', (t) => {
  const path = fresh();
  writeFileSync(path, 'content');
  const script = `${CALLS}
folder, handle = os.open(os.path.dirname(sys.argv[1]), os.O_RDONLY), handle_of(sys.argv[1])
answers = [outcome(folder, handle)]
handle.generation ^= 1
print(' '.join(answers + [outcome(folder, handle)]))`;
  const { stdout, status } = spawnSync('python3', ['-c', script, path], { encoding: 'utf8' });
  // Who asks on a FUSE mount has a handle with a node id in it, which is longer.
  t.is(status, 0);
  t.regex(stdout, /^ok /);
});

test('a handle whose number is being given to another inode, or given back, is stale and no damage', async (t) => {
  const folder = fresh();
  mkdirSync(folder);
  const kept = join(folder, 'kept');
  writeFileSync(kept, '');
  const opener = start(OPEN_STALE, folder, kept);
  let said = '';
  opener.stdout!.on('data', (bytes) => {
    said += bytes;
  });
  const ended = once(opener, 'close');
  while (opener.exitCode === null && opener.signalCode === null) {
    const path = join(folder, 'rows');
    const fd = open(path, 'w+');
    t.is(setMeta(fd, { dimensions: D }), 'ok');
    t.is(insert(fd, numberedRows(8, D), { dimensions: D }), 'ok');
    t.is(createIndex(fd), 'ok');
    t.is(waitForIndex(fd), 'ok');
    for (let i = 0; i < 20; i++) writeFileSync(join(folder, `${i}`), '');
    for (let i = 0; i < 20; i++) rmSync(join(folder, `${i}`));
    rmSync(path);
    // What is left of it, an index too, takes memory until it is closed.
    close(fd);
    await new Promise((resolve) => setImmediate(resolve));
  }
  t.deepEqual(await ended, [0, null]);
  t.is(said, 'ESTALE\n');
});
