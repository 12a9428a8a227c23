export * from './crc32c.js';
export * from './disk.js';
export * from './errors.js';
export * from './ioctl.js';
export * from './layout.js';
export * from './limits.js';
export * from './row.js';
export * from './vss.js';
