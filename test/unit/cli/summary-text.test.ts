import { expect, test } from 'vitest';
import { renderSummary } from '../../../cli/report/summary-text.ts';
import { exampleSummary, noisySummary } from './example-summary.ts';

test('the result as a terminal shows it', () => {
  expect(renderSummary(exampleSummary)).toMatchInlineSnapshot(`
    "accuracy on test rows  shared model  alone  one place
    ---------------------  ------------  -----  ---------
    cleveland                     0.837  0.827      0.846
    hungarian                     0.820  0.832      0.832
    switzerland                   0.750  0.938      0.750
    va-long-beach                 0.733  0.711      0.756
    mean of hospitals             0.785  0.827      0.796

    on all test rows            AUC  log-loss  Brier
    ------------------------  -----  --------  -----
    shared model              0.881     0.441  0.142
    all records in one place  0.882     0.436      –

    faults that were asked for
      --drop va-long-beach@7
        va-long-beach had no network for 2.4 s, 3 connections reset; round 7: released at attempt 2 without it
      --latency 20ms±5ms
        every connection was slowed each way; no round was retried
      --kill enclave@20
        did not strike: the study never came to that point of round 20

    Passport     verified, 6 checks passed
    Attestation  SIMULATED: protects nothing
    Privacy      no noise, no differential privacy (epsilon: none)
    Data         as given
    Randomness   from a chosen seed: for demonstrations and tests only
    Model        5f1c0d7c9a64cf1c0f2b7a6f3ab4d0c91b5a4a7e0f9cbb40f7c9f3f0a5a1d2e3
    Run          20 rounds, 14 learned numbers, backend wasm, 14.2 s
    Computed by the simulator, which may see everything: aucPooled, logLoss, brier, accuracyMeanOfSites, baselines, history.
    "
  `);
});

test('nothing of faults where nobody asked for any', () => {
  expect(renderSummary({ ...exampleSummary, faults: [] })).not.toContain('fault');
});

test('a failed passport and synthetic data are said in capitals', () => {
  const [first, ...rest] = exampleSummary.passportChecks;
  if (first === undefined) throw new Error('no checks');
  const text = renderSummary({
    ...exampleSummary,
    synthetic: true,
    passportVerified: false,
    passportChecks: [{ ...first, passed: false }, ...rest],
  });
  expect(text).toContain('Passport     FAILED: Contract; do not use the model');
  expect(text).toContain('Data         SYNTHETIC');
});

test('privacy spent, target, delta and place of the noise in plain words', () => {
  expect(renderSummary(noisySummary).replaceAll('\u00a0', ' ').split('\n').slice(-18).join('\n'))
    .toMatchInlineSnapshot(`
    "
    Passport     verified, 6 checks passed
    Attestation  SIMULATED: protects nothing
    Privacy      epsilon 2.973 of the 3 allowed, at delta 0.0001, for any one record
                 by hospital: cleveland 2.973, hungarian 2.973, switzerland 2.973, va-long-beach 2.952
    Noise        added in the enclave, once for all hospitals together
                 protects against everybody who sees released models, the other hospitals included; not
                 against whoever can read the enclave’s memory, who sees each hospital’s sum before the
                 noise
    In words     somebody who sees every released model and knows everything else, and who may wrongly
                 name 1 in 100 of the records that were not used for training, recognises at most 19.6 %
                 of those that were; blind guessing recognises 1 %
    Data         as given
    Randomness   operating system
    Model        5f1c0d7c9a64cf1c0f2b7a6f3ab4d0c91b5a4a7e0f9cbb40f7c9f3f0a5a1d2e3
    Run          60 rounds, 14 learned numbers, backend wasm, 14.2 s
    Computed by the simulator, which may see everything: aucPooled, logLoss, brier, accuracyMeanOfSites, baselines, history.
    "
  `);
});

test('by hospital only when they differ', () => {
  const same = Object.fromEntries(noisySummary.sites.map((site) => [site, noisySummary.epsilon]));
  expect(renderSummary({ ...noisySummary, epsilonBySite: same })).not.toContain('by hospital');
});

test('a chosen seed leaves no valid epsilon', () => {
  const text = renderSummary({ ...noisySummary, randomness: 'seeded', epsilonValid: false });
  expect(text).toContain('Privacy      NO VALID EPSILON: the noise came from a chosen seed');
  expect(text).not.toContain('recognises at most');
});
