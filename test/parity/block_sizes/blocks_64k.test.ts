import { testBlockSize } from './behaviour.js';

testBlockSize('64K', '128M');
