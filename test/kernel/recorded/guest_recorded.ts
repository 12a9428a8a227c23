/**
 * In a guest: does the workloads of the file `choices`, each in a folder of its own, on a volume that the module has mounted from
 * a device whose writes dm-log-writes records. What was done goes to `recordings`; positions are numbers of marks in the log.
 *   guest_recorded.js IMAGE LOG MOUNTPOINT
 */
import { closeSync, openSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deserialize, serialize } from 'node:v8';
import {
  forget,
  type Recording,
  record,
  type Syncing,
  type WorkloadChoice,
} from '../../crash/workload/recording.js';
import { must } from '../../parity/backend/programs.js';
import { syncFilesystem } from '../../parity/operations/calls.js';
import { mapDevice, unmapDevice } from '../hostile/mapped_device.js';
import { mountVolume, unmountVolume, withLoop } from '../volume/mounting.js';

const NAME = 'recorded';
const SECTOR = 512;
const [image, log, mountpoint] = process.argv.slice(2) as [string, string, string];
const exchange = process.env.VEXFS_EXCHANGE!;

let marks = 0;
const recorder = {
  /** A mark, which tells the place from all others. */
  get position(): number {
    marks += 1;
    must('dmsetup', ['message', NAME, '0', 'mark', `${marks}`]);
    return marks;
  },
};

/** As those of ext4. */
const SYNCING: Syncing = {
  everything(folder) {
    const fd = openSync(folder, 'r');
    expectOk(syncFilesystem(fd));
    closeSync(fd);
  },
  dataSyncsCoverAll: false,
};

function expectOk(outcome: string): void {
  if (outcome !== 'ok') throw new Error(outcome);
}

const choices = deserialize(readFileSync(join(exchange, 'choices'))) as WorkloadChoice[];
const recordings: Recording[] = [];
withLoop(image, [], (volume) =>
  withLoop(log, [], (memory) => {
    const device = mapDevice(NAME, `0 ${statSync(image).size / SECTOR} log-writes ${volume} ${memory}`);
    expectOk(mountVolume(device, mountpoint, 0));
    choices.forEach((choice, i) => {
      const name = `w${i}`;
      const recording = record(recorder, mountpoint, name, choice, SYNCING);
      if (recording !== undefined) recordings.push({ ...recording, showsOlderBytes: true });
      forget(mountpoint, name);
    });
    expectOk(unmountVolume(mountpoint));
    unmapDevice(NAME);
  }),
);
writeFileSync(join(exchange, 'recordings'), serialize(recordings));
