export { findSignatures, type Signature } from './signatures.js';
export { describeSize, parseSize } from './size.js';
export { formatUuid, parseUuid } from './uuid.js';
