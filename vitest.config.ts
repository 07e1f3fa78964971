import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: 'forks',
    // The default leaves one core of two idle.
    maxWorkers: '100%',
    reporters: ['default', './test/closing-line.ts'],
  },
});
