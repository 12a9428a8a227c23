import type { BlockDevice } from '../../system/device.js';

const CHUNK = 1 << 20;

/**
 * Makes a range read as zeros, writing only where it does not yet: an image file keeps its holes. Throws DeviceError.
 */
export function clearRange(device: BlockDevice, position: number, length: number): void {
  const chunk = new Uint8Array(Math.min(CHUNK, length));
  const zeros = new Uint8Array(chunk.length);
  for (let done = 0; done < length; done += chunk.length) {
    const part = Math.min(chunk.length, length - done);
    const found = chunk.subarray(0, part);
    device.read(position + done, found);
    if (Buffer.compare(found, zeros.subarray(0, part)) !== 0)
      device.write(position + done, zeros.subarray(0, part));
  }
}
