/** vss.ko as a module: what it makes when it is loaded, whose that is, and when it can go. */
import { closeSync, constants, existsSync, openSync, statSync } from 'node:fs';
import { asUser, NOBODY } from '../operations/other_user.js';
import { add, stats } from './calls.js';
import type { VssSuite } from './suite.js';

/** The tests of it. */
export function testModule({ test, backend, start }: VssSuite): void {
  test("loaded it makes a character device that is root's alone, and unloaded it takes that away", async (t) => {
    t.false(existsSync(backend.path));
    await backend.start();
    const device = statSync(backend.path);
    t.true(device.isCharacterDevice());
    t.deepEqual([device.mode & 0o777, device.uid, device.gid], [0o600, 0, 0]);
    t.deepEqual(asUser(NOBODY, 'ask(os.open, p[0], os.O_RDONLY)', [backend.path]), ['EACCES']);
    await backend.end();
    t.false(existsSync(backend.path));
  });

  test('it cannot be unloaded while somebody has it open, and goes on', async (t) => {
    const fd = await start();
    t.is(add(fd, 1, [1]), 'ok');
    await t.throwsAsync(backend.end(), { message: 'vss.ko is in use' });
    t.is(stats(fd).vectors, 1);
  });

  test('a second store is not loaded beside the first', async (t) => {
    const fd = await start(10);
    t.regex((await t.throwsAsync(backend.start(20)))!.message, /EEXIST/);
    t.is(stats(fd).capacity, 10);
    const other = openSync(backend.path, constants.O_RDONLY);
    t.is(stats(other).capacity, 10);
    closeSync(other);
  });
}
