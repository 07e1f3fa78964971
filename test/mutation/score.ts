import { relative } from 'node:path';
import type { Stryker } from '@stryker-mutator/core';

export type Mutant = Awaited<ReturnType<Stryker['runMutationTest']>>[number];

export interface Score {
  readonly name: string;
  /** A test failed, or ran into an endless loop. */
  readonly detected: number;
  /** No test failed, or none came by. */
  readonly undetected: number;
}

/** Scores of each file and, in the last line, of them all; mutants that do not even load count as neither. */
export function scoresOf(mutants: readonly Mutant[], name: string): Score[] {
  const byFile = Map.groupBy(mutants, ({ fileName }) => relative(process.cwd(), fileName));
  const files = [...byFile].map(([file, those]) => scoreOf(those, file));
  return [...files.sort((a, b) => (a.name < b.name ? -1 : 1)), scoreOf(mutants, name)];
}

function scoreOf(mutants: readonly Mutant[], name: string): Score {
  const count = (...statuses: readonly Mutant['status'][]): number =>
    mutants.filter(({ status }) => statuses.includes(status)).length;
  return { name, detected: count('Killed', 'Timeout'), undetected: count('Survived', 'NoCoverage') };
}

/** Per cent; 100 where there is nothing to detect. */
export const percentOf = ({ detected, undetected }: Score): number =>
  detected + undetected === 0 ? 100 : (100 * detected) / (detected + undetected);

export const lineOf = (score: Score): string =>
  `${percentOf(score).toFixed(1).padStart(5)} %  ${score.detected} of ${score.detected + score.undetected}  ${score.name}\n`;
