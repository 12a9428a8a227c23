export * from './abort_file.js';
export * from './fuse_device.js';
export * from './mount.js';
export * from './mount_error.js';
export * from './mount_table.js';
export * from './options.js';
export * from './unmount.js';
