import { testBlockSize } from './behaviour.js';

testBlockSize(65536, '128M');
