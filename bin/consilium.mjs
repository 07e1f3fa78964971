#!/usr/bin/env node
import { join } from 'node:path';
import { repositoryRoot, runUnderNode24 } from './node24.mjs';

runUnderNode24([join(repositoryRoot, 'cli', 'main.ts'), ...process.argv.slice(2)]);
