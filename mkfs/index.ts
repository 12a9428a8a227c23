export { main } from './main.js';
export { describeSize, parseSize } from './size.js';
export { formatUuid, parseUuid } from './uuid.js';
