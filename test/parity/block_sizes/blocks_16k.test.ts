import { testBlockSize } from './behaviour.js';

testBlockSize(16384, '64M');
