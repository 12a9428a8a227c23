import { compareTables } from './compare.js';

compareTables('permissions', ['permissions', 'modes', 'owners'], 2300);
