#!/usr/bin/env node
import { main } from '../dist/vexctl/main.js';

await main();
