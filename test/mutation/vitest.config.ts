import { matchesGlob, relative } from 'node:path';
import { defineConfig } from 'vitest/config';
import type { Reporter, TestModule, TestSequencer, TestSpecification, Vitest } from 'vitest/node';
import { GROUP_VARIABLE, groupNamed } from './groups.ts';

const tests = groupNamed(process.env[GROUP_VARIABLE])?.tests ?? [];

/** Files in the order of the group's patterns; the stock order begins with the slowest. */
class TellingFirst implements TestSequencer {
  async shard(files: TestSpecification[]): Promise<TestSpecification[]> {
    return files;
  }

  async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number =>
      tests.findIndex((pattern) => matchesGlob(relative(process.cwd(), moduleId), pattern));
    return files.toSorted((a, b) => rank(a) - rank(b));
  }
}

/**
 * A file that cannot be loaded has no tests, and Stryker's runner counts failed tests only: a mutant that breaks what a
 * test file prepares outside its tests would seem to survive. So such a file gets one failed test.
 */
class UnloadableFails implements Reporter {
  #vitest: Vitest | null = null;

  onInit(vitest: Vitest): void {
    this.#vitest = vitest;
  }

  onTestModuleEnd({ moduleId, children }: TestModule): void {
    const file = this.#vitest?.state.getFiles().find(({ filepath }) => filepath === moduleId);
    if (file?.result?.state !== 'fail' || children.size > 0) return;
    const { result } = file;
    const name = 'loads';
    file.tasks.push({
      type: 'test',
      id: `${file.id}_${name}`,
      name,
      fullName: name,
      fullTestName: name,
      mode: 'run',
      file,
      suite: file,
      result,
      meta: {},
      timeout: 0,
      annotations: [],
      artifacts: [],
      context: {} as never,
    });
  }
}

export default defineConfig({
  test: {
    include: [...tests],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    sequence: { sequencer: TellingFirst },
    reporters: [new UnloadableFails()],
  },
});
