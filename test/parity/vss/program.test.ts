import { testProgram } from './fuse_program.js';
import { testModule } from './kernel_module.js';
import { vssSuite } from './suite.js';

const suite = vssSuite();
if (suite.backend.name === 'fuse') testProgram(suite);
else testModule(suite);
