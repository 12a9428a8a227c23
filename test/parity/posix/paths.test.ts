import { compareTables } from './compare.js';

compareTables('paths', ['paths', 'open'], 3800);
