import { compareTables } from './compare.js';

compareTables('names', ['rename', 'held', 'flags'], 6400);
