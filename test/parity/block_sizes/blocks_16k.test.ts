import { testBlockSize } from './behaviour.js';

testBlockSize('16K', '64M');
