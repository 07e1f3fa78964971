import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const repositoryRoot = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** Programs that attest, and the entry point whose import closure is their measurement. */
export const PROGRAM_ENTRIES = {
  'enclave-simulation': join(repositoryRoot, 'aggregator-enclave', 'main-simulation.ts'),
  'site-simulation': join(repositoryRoot, 'site-agent', 'main-simulation.ts'),
  enclave: join(repositoryRoot, 'aggregator-enclave', 'main.ts'),
  site: join(repositoryRoot, 'site-agent', 'main.ts'),
} as const;
export type MeasuredProgram = keyof typeof PROGRAM_ENTRIES;
