import { testBlockSize } from './behaviour.js';

testBlockSize(2048, '24M');
