/**
 * A child process that gives up root, mounts the tiny filesystem through fusermount3 on the directory named by its first
 * argument, reads its file and unmounts. It prints what happened as one line of JSON. The second and third argument are the
 * user and group to become.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import { isMounted, mountFuse, mountOn, parseMountOptions } from '@vexfs/fuse/mount';
import { allocateMemory, createEventFd } from '@vexfs/fuse/system';
import type { TinyStart } from './tiny_filesystem.js';

const [mountpoint = '', uid = '', gid = ''] = process.argv.slice(2);
process.setgroups?.([]);
process.setgid?.(Number(gid));
process.setuid?.(Number(uid));

const content = allocateMemory(4096);
const text = Buffer.from('by a user');
content.bytes.set(text);
const source = '/a,b\\c';
const mount = await mountFuse({ source, mountpoint, options: parseMountOptions('noatime') });
const workerData: TinyStart = {
  fd: mount.fd,
  wake: createEventFd(),
  name: Buffer.from('file'),
  contentAddress: content.address,
  contentLength: text.byteLength,
};
const worker = new Worker(new URL('./tiny_filesystem.js', import.meta.url), { workerData });
const ended = new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
const { stdout } = await promisify(execFile)('cat', [`${mountpoint}/file`]);
const entry = mountOn(mountpoint);
await mount.unmount();
const report = { read: stdout, entry, ended: await ended, mounted: isMounted(mountpoint) };
console.log(JSON.stringify(report));
