import { testBlockSize } from './behaviour.js';

testBlockSize('2K', '24M');
