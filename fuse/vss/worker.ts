/** A thread of vexfs-vss: reads requests, among others that do the same, and answers them until the mount has ended. */
import { workerData } from 'node:worker_threads';
import { expectsReply, interruptIn, minimumRequest, OPCODE } from '../protocol/index.js';
import { Connection, decodeRequest, type Request } from '../server/connection.js';
import { errno, PollSet, runInTurns } from '../system/index.js';
import { Calls } from './calls.js';
import { VssFilesystem } from './filesystem.js';
import { Interrupts } from './interrupts.js';
import { Store } from './store.js';
import { INPUT_BYTES, type WorkerData } from './worker_data.js';

const OUTPUT_BYTES = 8 << 10;

const data = workerData as WorkerData;
const connection = new Connection(data.fd, INPUT_BYTES, OUTPUT_BYTES);
const interrupts = new Interrupts(data.interrupts, data.thread);
const calls = new Calls(new Store(data.store), interrupts, connection);
const filesystem = new VssFilesystem(data.file, connection);

function answer(request: Request): number {
  const { opcode, unique } = request;
  if (request.end < minimumRequest(opcode)) return -errno.EIO;
  if (opcode !== OPCODE.IOCTL) return filesystem.answer(request);
  interrupts.begin(unique);
  const length = calls.ioctl(request);
  interrupts.end();
  return length;
}

function serve(request: Request): void {
  const { opcode, unique } = request;
  if (opcode === OPCODE.INTERRUPT) {
    // Its request has been read but not begun, or answered already: the kernel asks again where that makes sense.
    if (!interrupts.signal(interruptIn.unique.get(request.view, request.body)))
      connection.fail(unique, errno.EAGAIN);
    return;
  }
  if (!expectsReply(opcode)) return;
  const length = answer(request);
  if (length < 0) connection.fail(unique, -length);
  else connection.send(unique, length);
}

const polled = new PollSet([data.fd, data.stopFd]);
runInTurns(() => {
  const length = connection.receive();
  if (length === -errno.ENODEV || length === -errno.ECONNABORTED) return false;
  if (length >= 0) serve(decodeRequest(connection.input.bytes, connection.input.view, length));
  else if (length !== -errno.EAGAIN) throw new Error(`reading /dev/fuse failed: errno ${-length}`);
  else if (polled.wait(-1) > 0 && polled.ready(1) !== 0) return false;
  return true;
});
