export { clearRange } from './clear.js';
export { formatVolume, initialisedInodes } from './format.js';
export * from './plan.js';
