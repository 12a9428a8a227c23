import { fsyncSync, writeFileSync } from 'node:fs';
import { must } from '../backend/programs.js';
import { paritySuite } from '../backend/suite.js';
import { deleteRows } from '../client/delete_calls.js';
import { numberedRows } from '../client/stored_rows.js';
import { insert, rowOf } from '../client/vector_calls.js';

const { test, open, close, vectorFile, backend } = paritySuite({ size: '96M' });
const D = 1024;

/** Brings what was written to a file to the device; nothing is committed for it. */
const WRITE_BACK = `
import ctypes, os, sys
fd = os.open(sys.argv[1], os.O_RDWR)
if ctypes.CDLL(None).sync_file_range(fd, ctypes.c_long(0), ctypes.c_long(0), 7):
    sys.exit('sync_file_range')
`;

test('rows that a crash brings back have their bytes, though the file was let go of between their deletion and an insertion', async (t) => {
  for (let round = 0; round < 4; round++) {
    const { path, fd } = vectorFile({ dimensions: D }, numberedRows(200, D));
    fsyncSync(fd);
    const ids = Array.from({ length: 10 }, (_, i) => 10 + 3 * i);
    t.is(deleteRows(fd, ids), 'ok');
    close(fd);
    // The module forgets the inode and its rows.
    if (!backend.isProcess) writeFileSync('/proc/sys/vm/drop_caches', '2');
    const again = open(path, 'r+');
    t.is(insert(again, numberedRows(10, D, 9000), { dimensions: D }), 'ok');
    must('python3', ['-c', WRITE_BACK, path]);
    await backend.crash();
    try {
      close(again);
    } catch {
      // The filesystem that the descriptor belongs to has ended.
    }
    await backend.mount();
    const last = open(path, 'r+');
    for (const id of ids) {
      const row = rowOf(last, id, D);
      if (row !== 'ENOENT') t.deepEqual(row, numberedRows(1, D, id), `round ${round}: row ${id}`);
    }
    close(last);
  }
});
