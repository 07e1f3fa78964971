import { wordsOf, type Judged, type Verdict } from './verdict.ts';

export interface Ran {
  readonly rounds: number;
  readonly seed: number;
  readonly minutes: number;
}

/** One JSON object per line: the verdict with its numbers, then every round. */
export function verdictLines({ rounds: outcomes, ...verdict }: Verdict, { rounds, seed, minutes }: Ran): string {
  const all = [
    { type: 'soak', rounds, seed, minutes: Math.round(10 * minutes) / 10, ...verdict },
    ...outcomes.map((outcome) => ({ type: 'round', ...outcome })),
  ];
  return all.map((line) => `${JSON.stringify(line)}\n`).join('');
}

/** For people: rounds that were not simply released, what grows by how much, and the verdict. */
export function verdictText(verdict: Verdict, { rounds, seed, minutes }: Ran): string {
  const eventful = verdict.rounds.filter(({ attempts, absences }) => attempts.length + absences.length > 0);
  const ending = verdict.passed ? 'passed' : `FAILED\n${verdict.failures.map((why) => `  ${why}`).join('\n')}`;
  return [
    ...eventful.map((outcome) => `round ${outcome.round}: ${wordsOf(outcome)}`),
    `${verdict.rounds.length - eventful.length} rounds were released at the first attempt with every hospital`,
    '',
    `${'what'.padEnd(NAME)} ${'at the end'.padStart(SIZE)} ${'a round more'.padStart(SIZE)} ${'±'.padStart(SIZE)} ${'noise'.padStart(SIZE)}`,
    ...verdict.growth.map(growthLine),
    '',
    ...(verdict.growthJudged ? [] : ['Too few rounds to judge growth by: the numbers above are only told.', '']),
    `soak of ${rounds} rounds, seed ${seed}, ${minutes.toFixed(1)} min: ${ending}`,
    '',
  ].join('\n');
}

const NAME = 40;
const SIZE = 12;

function growthLine({ what, last, perRound, standardError, noise, samples, lives, tooMuch }: Judged): string {
  const sizes = [last, perRound, 2 * standardError, noise].map((value) => sizeText(value).padStart(SIZE));
  const from = `${samples} samples${lives > 1 ? ` of ${lives} lives` : ''}`;
  return `${what.padEnd(NAME)} ${sizes.join(' ')}  ${from}${tooMuch ? '  TOO MUCH' : ''}`;
}

function sizeText(value: number): string {
  const size = Math.abs(value);
  if (size >= 2 ** 20) return `${(value / 2 ** 20).toFixed(1)} MiB`;
  return size >= 2 ** 10 ? `${(value / 2 ** 10).toFixed(1)} KiB` : `${Math.round(value)} B`;
}
