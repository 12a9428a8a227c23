import { readdirSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { must } from './programs.js';

const SECTOR = 512;
/** No udev runs where this is used. */
const DMSETUP = ['--noudevsync', '--noudevrules'];
const DEVICES = '/sys/block';

/** Name of the block device, `dm-3`, that the device mapper knows by another. */
function numberedName(name: string): string {
  const mapped = readdirSync(DEVICES).filter((each) => each.startsWith('dm-'));
  const found = mapped.find((each) => readFileSync(join(DEVICES, each, 'dm/name'), 'utf8') === `${name}\n`);
  if (found === undefined) throw new Error(`there is no device ${name}`);
  return found;
}

/**
 * A block device over an image file that can be cut off from one moment on, for those who use it then: what they still
 * write fails, as it is lost in a power cut. `path` leads to the device of those who come afterwards.
 */
export class CuttableDevice {
  readonly path: string;
  private readonly loop: string;
  private readonly sectors: number;
  private readonly name: string;
  private generation = 0;

  /** `name` is one that no other device has. */
  constructor(image: string, path: string, name: string) {
    this.path = path;
    this.name = name;
    this.sectors = statSync(image).size / SECTOR;
    this.loop = must('losetup', ['--find', '--show', image]).trim();
    this.create();
  }

  private get current(): string {
    return `${this.name}-${this.generation}`;
  }

  private create(): void {
    const table = `0 ${this.sectors} linear ${this.loop} 0`;
    must('dmsetup', ['create', ...DMSETUP, this.current, '--table', table]);
    symlinkSync(`/dev/${numberedName(this.current)}`, this.path);
  }

  private remove(): void {
    // Who still holds it open keeps it until then.
    must('dmsetup', ['remove', ...DMSETUP, '--deferred', this.current]);
    rmSync(this.path);
  }

  /** From here on every call of those who have it open fails. */
  cut(): void {
    must('dmsetup', ['suspend', ...DMSETUP, '--nolockfs', '--noflush', this.current]);
    must('dmsetup', ['load', ...DMSETUP, this.current, '--table', `0 ${this.sectors} error`]);
    must('dmsetup', ['resume', ...DMSETUP, this.current]);
  }

  /** A device with what was written before the cut. */
  replace(): void {
    this.remove();
    this.generation += 1;
    this.create();
  }

  release(): void {
    this.remove();
    must('losetup', ['--detach', this.loop]);
  }
}
