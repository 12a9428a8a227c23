import { exerciseFiles } from './exercise.js';

exerciseFiles({ size: '128M', mkfs: ['--block-size', '4096'] });
