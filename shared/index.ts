export * from './layout.js';
export * from './disk.js';
