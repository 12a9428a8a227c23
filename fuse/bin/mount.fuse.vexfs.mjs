#!/usr/bin/env node
import { main } from '../dist/daemon/main.js';
import { fromMountHelper } from '../dist/daemon/mount_helper.js';

const words = fromMountHelper(process.argv.slice(2));
process.exitCode = words === undefined ? 0 : await main(words);
