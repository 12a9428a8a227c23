import { paritySuite } from '../backend/suite.js';
import { testStoresBehindTheEnd } from './stores_behind_the_end.js';

testStoresBehindTheEnd(paritySuite({ size: '48M' }));
