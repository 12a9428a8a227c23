import { compareTables } from './compare.js';

compareTables(
  'content',
  ['times', 'creation', 'lists', 'sizes', 'privileges', 'attributes', 'read-only'],
  5200,
);
