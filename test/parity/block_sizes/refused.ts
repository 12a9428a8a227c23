import { must } from '../backend/programs.js';
import type { Suite } from '../backend/suite.js';
import { MS_RDONLY, mountVolume } from '../client/mount_calls.js';

/** Of mount(8). */
const MOUNT_FAILED = 32;

function sumOf(path: string): string {
  return must('sha256sum', [path]);
}

/** What is left to test of a volume whose blocks the backend does not mount. */
export function testRefusal({ test, backend }: Suite, blockSize: number): void {
  test(`blocks of ${blockSize} bytes, larger than a page, are refused with EINVAL and the reason, and nothing changes`, (t) => {
    const before = sumOf(backend.device);
    for (const flags of [0, MS_RDONLY])
      t.is(mountVolume(backend.device, backend.mountpoint, flags), 'EINVAL');
    const { code, stderr } = backend.attempt(backend.device, backend.mountpoint);
    t.is(code, MOUNT_FAILED);
    t.is(stderr, `blocks of ${blockSize} bytes cannot be mounted here`);
    t.is(sumOf(backend.device), before);
  });
}
