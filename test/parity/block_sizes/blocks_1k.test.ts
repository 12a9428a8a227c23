import { testBlockSize } from './behaviour.js';

testBlockSize('1K', '12M');
