import { describe, expect, test } from 'vitest';
import { privacyCommand } from '../../../../cli/commands/privacy.ts';
import { DISCLOSURES } from '../../../../cli/output/disclosures.ts';
import { whatLeavesPage } from '../../../../cli/output/what-leaves-page.ts';
import { epsilonOf } from '../../../../lib/privacy/epsilon.ts';
import { runCommand, type Ran } from './run-command.ts';

const privacy = (...argv: string[]): Promise<Ran> => runCommand(privacyCommand, 'privacy', ...argv);
const training = ['--sampling-rate', '0.064', '--steps', '500', '--delta', '1e-4'];

describe('consilium privacy epsilon', () => {
  const epsilon = (...more: string[]): Promise<Ran> => privacy('epsilon', ...training, ...more);

  test('gives what the training spends', async () => {
    const { exit, json } = await epsilon('--noise-multiplier', '5.2', '--json');
    const spent = epsilonOf([{ samplingRate: 0.064, noiseMultiplier: 5.2, count: 500 }], 1e-4);
    expect(exit).toBe(0);
    expect(json()).toEqual({
      type: 'privacy',
      epsilon: spent,
      samplingRate: 0.064,
      noiseMultiplier: 5.2,
      steps: 500,
      delta: 1e-4,
      neighbouring: 'add-remove',
    });
  });

  test.each([
    ['5.2', 500],
    ['0.7', 500],
    ['900', 500],
    ['33', 1],
  ])('says it rounded up to five digits: noise %s, %i steps', async (multiplier, steps) => {
    const spent = epsilonOf([{ samplingRate: 0.064, noiseMultiplier: Number(multiplier), count: steps }], 1e-4);
    const { exit, stdout } = await epsilon('--noise-multiplier', multiplier, '--steps', String(steps));
    const [, shown = ''] = /^epsilon +(\S+)$/m.exec(stdout) ?? [];
    expect(exit).toBe(0);
    expect(Number(shown)).toBeGreaterThanOrEqual(spent);
    expect(Number(shown)).toBeLessThanOrEqual(spent * 1.0001);
    expect(Number(Number(shown).toPrecision(5))).toBe(Number(shown));
    expect(stdout).toContain(steps === 1 ? 'for 1 step,' : 'for 500 steps,');
  });

  test.each([
    ['--sampling-rate', '0', 'above 0 and up to 1'],
    ['--sampling-rate', '1.01', 'above 0 and up to 1'],
    ['--sampling-rate', 'half', 'above 0 and up to 1'],
    ['--sampling-rate', '0x1', 'above 0 and up to 1'],
    ['--delta', '0', 'between 0 and 1'],
    ['--delta', '1', 'between 0 and 1'],
    ['--steps', '0', 'from 1 to 1000000000'],
    ['--noise-multiplier', '0.00009', 'from 0.0001 to 1000000'],
    ['--noise-multiplier', '1000001', 'from 0.0001 to 1000000'],
  ])('refuses %s %s', async (option, value, wanted) => {
    const { exit, stderr } = await epsilon('--noise-multiplier', '5.2', option, value);
    expect(exit).toBe(64);
    expect(stderr).toContain(option);
    expect(stderr).toContain(wanted);
  });

  test.each([
    ['1', '0.0001'],
    ['0.5', '1e6'],
    ['.5', '2'],
  ])('takes the ends of the ranges: rate %s, noise %s', async (rate, multiplier) => {
    const { exit, json } = await epsilon('--sampling-rate', rate, '--noise-multiplier', multiplier, '--json');
    expect(exit).toBe(0);
    expect(json()).toMatchObject({ samplingRate: Number(rate), noiseMultiplier: Number(multiplier) });
  });
});

describe('consilium privacy calibrate', () => {
  test('gives the noise and what is spent with it, at most what was asked', async () => {
    const { exit, json } = await privacy('calibrate', ...training, '--epsilon', '2.5', '--json');
    const { noiseMultiplier, epsilon } = json();
    expect(exit).toBe(0);
    expect(epsilon).toBe(
      epsilonOf([{ samplingRate: 0.064, noiseMultiplier: Number(noiseMultiplier), count: 500 }], 1e-4),
    );
    expect(epsilon).toBeLessThanOrEqual(2.5);
    expect(epsilon).toBeGreaterThan(2.475);
    const { stdout } = await privacy('calibrate', ...training, '--epsilon', '2.5');
    expect(stdout).toContain(`noise multiplier  ${String(noiseMultiplier)}\n`);
    expect(stdout).toContain('epsilon           2.5\n');
  });

  test('refuses what cannot be reached', async () => {
    const { exit, stderr } = await privacy('calibrate', ...training, '--delta', '1e-9', '--epsilon', '0.0001');
    expect(exit).toBe(78);
    expect(stderr).toContain('E-CONFIG');
    expect(stderr).toContain('10^6');
  });

  test.each(['0', '1000001', '-1'])('refuses --epsilon %s', async (value) => {
    const { exit, stderr } = await privacy('calibrate', ...training, `--epsilon=${value}`);
    expect(exit).toBe(64);
    expect(stderr).toContain('above 0 and up to 1000000');
  });
});

describe('consilium privacy what-leaves', () => {
  test('prints the page, and the same for programs', async () => {
    expect(await privacy('what-leaves')).toMatchObject({ exit: 0, stdout: whatLeavesPage() });
    const listed = (await privacy('what-leaves', '--json')).json();
    expect(listed).toMatchObject({ type: 'what-leaves', messages: JSON.parse(JSON.stringify(DISCLOSURES)) as object });
  });
});
