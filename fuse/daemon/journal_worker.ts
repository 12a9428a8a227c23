import { workerData } from 'node:worker_threads';
import { DeviceError } from '../system/device.js';
import { errno, FileDevice, type FileDeviceHandle, memoryAt, runInTurns } from '../system/index.js';
import { type JournalArea, JournalError, JournalWriter, recover } from '../volume/journal/index.js';
import { Exchange, type ExchangeHandle, JOURNAL_QUEUE, type JobSlot } from './exchange.js';
import { anyJob, commitJob, JOB } from './jobs.js';
import { log } from './log.js';

/** What the journal thread starts with. */
export interface JournalWorkerData {
  readonly exchange: ExchangeHandle;
  readonly device: FileDeviceHandle;
  readonly area: JournalArea;
  readonly totalBlocks: number;
}

const data = workerData as JournalWorkerData;
const exchange = new Exchange(data.exchange);
const device = FileDevice.shared(data.device);
const { blockSize } = data.area;
const writer = openWriter();

/** The FUSE thread has replayed the journal: this only finds where it goes on. A number is the errno that kept it from that. */
function openWriter(): JournalWriter | number {
  try {
    const { nextSequence } = recover(device, data.area, data.totalBlocks);
    return new JournalWriter(device, data.area, data.totalBlocks, nextSequence);
  } catch (error) {
    return failure(error);
  }
}

/** Tells why the journal cannot be written; its errno. Throws what is a fault of the program. */
function failure(error: unknown): number {
  if (!(error instanceof DeviceError) && !(error instanceof JournalError)) throw error;
  log(error.message);
  return error instanceof DeviceError ? error.errno : errno.EIO;
}

function commit(writer: JournalWriter, slot: JobSlot): void {
  const { fields } = slot;
  const count = fields[commitJob.blocks]!;
  const revokes = fields[commitJob.revokes]!;
  const staging = memoryAt(fields[commitJob.staging]!, Math.max(1, count * blockSize)).bytes;
  const numberMemory = memoryAt(fields[commitJob.numbers]!, Math.max(8, (count + revokes) * 8)).bytes;
  const numbers = new Float64Array(numberMemory.buffer, numberMemory.byteOffset, count + revokes);
  const blocks = Array.from({ length: count }, (_, index) => ({
    number: numbers[index]!,
    data: staging.subarray(index * blockSize, (index + 1) * blockSize),
  }));
  const sequence = writer.commit({ blocks, revoked: numbers.subarray(count) });
  for (let first = 0; first < count; ) {
    let end = first + 1;
    while (end < count && numbers[end] === numbers[end - 1]! + 1) end += 1;
    device.write(numbers[first]! * blockSize, staging.subarray(first * blockSize, end * blockSize));
    first = end;
  }
  writer.checkpointed(sequence);
}

runInTurns(() => {
  const slot = exchange.next(JOURNAL_QUEUE);
  if (slot === undefined) return false;
  slot.fields[commitJob.error] = 0;
  try {
    if (typeof writer === 'number') slot.fields[commitJob.error] = writer;
    else if (slot.fields[anyJob.kind] === JOB.CLOSE) writer.close();
    else commit(writer, slot);
  } catch (error) {
    slot.fields[commitJob.error] = failure(error);
  }
  exchange.complete(slot);
  return true;
});
