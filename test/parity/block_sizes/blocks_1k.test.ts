import { testBlockSize } from './behaviour.js';

testBlockSize(1024, '12M');
