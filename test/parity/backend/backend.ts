import type { Outcome } from './programs.js';

/**
 * What a parity test may know of the filesystem under test: a mounted volume and how to take it away and bring it back.
 * The tests hold for every backend; where one cannot do something, they assert the exact errno that docs/differences.md names.
 */
export interface Backend {
  readonly name: 'fuse' | 'kernel';
  /** Folder on which the volume is mounted. */
  readonly mountpoint: string;
  /** Bytes of the largest blocks that it mounts. */
  readonly largestBlock: number;
  /** Whether a process serves the mount: signals end it, and it takes the volume for itself. */
  readonly isProcess: boolean;
  /** What it has said of the volume since it was mounted last. */
  readonly output: string;
  /** Block device or image file that holds the volume. */
  readonly device: string;
  /** Mounts the volume; `options` are those of `mount -o`. Throws with what the backend printed when it cannot. */
  mount(options?: readonly string[]): Promise<void>;
  /** Unmounts, and returns when the volume is complete on the device. Throws when something still uses it. */
  unmount(): Promise<void>;
  /** The two of them. */
  remount(options?: readonly string[]): Promise<void>;
  /**
   * Takes the mount out of the tree while it may be in use. The function that this resolves to does so when the last user is
   * gone and the volume is complete on the device.
   */
  detach(): Promise<() => Promise<void>>;
  /** What a power cut leaves: nothing more is written, and the volume is not mounted any more. */
  crash(): Promise<void>;
  /** Whether the volume is mounted and answers. */
  readonly isMounted: boolean;
  /**
   * Tries to mount another volume on another folder, as somebody at a terminal would, for at most 10 seconds. What comes to be
   * mounted is the caller's to unmount.
   */
  attempt(device: string, mountpoint: string, options?: readonly string[]): Outcome;
  /** Takes the mount away, in whatever state the tests left it; the volume can still be looked at. */
  end(): Promise<void>;
  /** Gives back what the device needed, after that. */
  release(): void;
}

/** A volume that is there already, and stays. */
export interface ExistingVolume {
  /** Path of its image file. */
  readonly image: string;
  readonly hangMs?: number;
}

/** How the volume of a test file is made. */
export interface VolumeChoice {
  /** Bytes with a suffix, as mkfs.vexfs --size takes them. */
  readonly size: string;
  /** Bytes of a block; a volume whose blocks the backend does not mount is made and left alone. */
  readonly blockSize?: number;
  /** More words for mkfs.vexfs. */
  readonly mkfs?: readonly string[];
  /** Milliseconds of one mount after which its daemon counts as hanging; the usual limit suits the tests of one file. */
  readonly hangMs?: number;
  /** A folder for the image that is not the one for temporary files. */
  readonly folder?: string;
}
