/** What a volume lies on: a block device or an image file, reached by byte position. */
export interface BlockDevice {
  /** Bytes that can be addressed. */
  readonly size: number;
  /** Fills `into` from `position`. Throws DeviceError when fewer bytes come. */
  read(position: number, into: Uint8Array): void;
  /** Fills `into` if that needs no wait for the medium; false, and `into` undefined, when it would. Absent: nobody can tell. */
  readCached?(position: number, into: Uint8Array): boolean;
  /** Writes all of `from` at `position`. Throws DeviceError. */
  write(position: number, from: Uint8Array): void;
  /** Returns when everything written before is on stable storage (fdatasync). Throws DeviceError. */
  flush(): void;
}

/** The device failed or ended early. `errno` is positive, as in errno.h. */
export class DeviceError extends Error {
  readonly errno: number;
  constructor(message: string, errno: number) {
    super(message);
    this.name = 'DeviceError';
    this.errno = errno;
  }
}
