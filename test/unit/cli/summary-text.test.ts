import { expect, test } from 'vitest';
import { renderSummary } from '../../../cli/report/summary-text.ts';
import { exampleSummary } from './example-summary.ts';

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
