import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { type FuseMount, mountFuse, parseMountOptions } from '@vexfs/fuse/mount';
import { close } from '@vexfs/fuse/system';
import type { DiskServerData } from './disk_server.js';
import { SharedLog } from './shared_log.js';

const NAME = 'volume.img';

/**
 * A disk in memory that other programs reach as a file, and that remembers every write and flush. Its server is a thread of
 * this process that needs no other, so the test may wait in a system call on a filesystem that lies on the disk.
 */
export class RecordedDisk {
  readonly log: SharedLog;
  /** The file that is the disk. */
  readonly path: string;
  private readonly mount: FuseMount;
  private readonly ended: Promise<unknown>;

  private constructor(log: SharedLog, mount: FuseMount) {
    this.log = log;
    this.mount = mount;
    this.path = join(mount.mountpoint, NAME);
    const workerData: DiskServerData = { fd: mount.fd, name: NAME, log: log.handle };
    const worker = new Worker(new URL('./disk_server.js', import.meta.url), { workerData });
    this.ended = new Promise((resolve, reject) => {
      worker.once('exit', resolve);
      worker.once('error', reject);
    });
  }

  /** A disk of these bytes, mounted on a new folder in `folder`. Throws MountError. */
  static async create(folder: string, image: Uint8Array): Promise<RecordedDisk> {
    const mountpoint = join(folder, 'disk');
    mkdirSync(mountpoint);
    const log = SharedLog.create(image.length);
    log.image.set(image);
    const options = parseMountOptions('');
    const mount = await mountFuse({ source: 'recorded-disk', subtype: 'recorded', mountpoint, options });
    return new RecordedDisk(log, mount);
  }

  /** How many writes and flushes there were until now. */
  get position(): number {
    return this.log.count;
  }

  /** New bytes for a disk that nobody has open. */
  load(image: Uint8Array): void {
    this.log.disarm();
    this.log.clear();
    this.log.image.set(image);
  }

  async end(): Promise<void> {
    await this.mount.unmount({ lazy: true });
    await this.ended;
    close(this.mount.fd);
  }
}
