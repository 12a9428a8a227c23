export * from './checksum.js';
export * from './cpu.js';
export * from './extents.js';
export * from './id_table.js';
export { enginePath } from './library.js';
export * from './questions.js';
export * from './rows.js';
export * from './search.js';
export * from './vector_index.js';
