#!/usr/bin/env node
import { main } from '../dist/fsck/main.js';

process.exitCode = await main(process.argv.slice(2));
