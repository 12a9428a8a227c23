import { exerciseFiles } from './exercise.js';

exerciseFiles({ size: '128M', blockSize: 1024 });
