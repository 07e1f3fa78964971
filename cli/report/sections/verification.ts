import { dataTable } from '../data-table.ts';
import { listed } from '../format.ts';
import { html, type Html } from '../html.ts';
import type { RunSummary } from '../run-summary.ts';

/** Every check of the model passport, and the rules it was held against. */
export function verification(summary: RunSummary): Html {
  const { passportVerified, passportChecks } = summary;
  const failed = passportChecks.filter(({ passed }) => !passed).length;
  const verdict = passportVerified
    ? html`<p class="verdict passed"><strong>Passed.</strong> The model passport holds: every check below passed.</p>`
    : html`<p class="verdict failed">
        <strong>FAILED.</strong> Do not use the model: ${failed} of ${passportChecks.length} checks failed.
      </p>`;
  return html`<section aria-labelledby="verification">
    <h2 id="verification">What was verified</h2>
    ${verdict}
    ${dataTable(
      {
        caption: 'Checks of the model passport',
        columns: [{ title: 'Check, and what was compared' }, { title: 'Outcome' }],
        rows: passportChecks.map(({ name, passed, detail }) => [
          html`<strong>${name}</strong><br /><span class="note">${detail}</span>`,
          outcome(passed),
        ]),
      },
      'Table of passport checks',
    )}
    ${policy(summary)}
    <p class="note">
      Because the platform is simulated, “genuine” here means: signed by the simulated chip of this run. The checks are
      the same that a real platform would have to pass; what stands behind them is not.
    </p>
  </section>`;
}

const outcome = (passed: boolean): Html =>
  passed ? html`<span class="passed">✓ passed</span>` : html`<span class="failed">✗ FAILED</span>`;

function policy({ attestation, policy: rules, contractDigest }: RunSummary): Html {
  return html`<h3>Against which policy</h3>
    <dl class="facts-list">
      <div>
        <dt>Contract</dt>
        <dd><code>${contractDigest}</code></dd>
      </div>
      <div>
        <dt>Accepted platform</dt>
        <dd><code>${attestation.platform}</code> (simulated)</dd>
      </div>
      <div>
        <dt>Aggregator program</dt>
        <dd><code>${attestation.enclaveMeasurement}</code></dd>
      </div>
      <div>
        <dt>Hospital program</dt>
        <dd><code>${attestation.siteMeasurement}</code></dd>
      </div>
      ${
        rules === undefined
          ? null
          : html`<div>
                <dt>Smallest cohort</dt>
                <dd>
                  ${rules.kMin}
                  hospitals${rules.requireSites.length === 0 ? null : `, among them ${listed(rules.requireSites)}`}
                </dd>
              </div>
              <div>
                <dt>Environment</dt>
                <dd>${rules.environment}</dd>
              </div>`
      }
    </dl>`;
}
