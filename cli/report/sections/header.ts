import { utcTime } from '../format.ts';
import { html, type Html } from '../html.ts';
import type { RunSummary } from '../run-summary.ts';

/** Title, and what a reader must know before any number. */
export function header({ study, attestation, synthetic, randomness, finishedAt }: RunSummary): Html {
  return html`<header>
      <p class="kicker">Consilium study report</p>
      <h1>${study.title}</h1>
      <p class="facts">
        Study
        <code>${study.id}</code
        >${finishedAt === undefined ? null : html` · finished <time datetime="${finishedAt}">${utcTime(finishedAt)}</time>`}
      </p>
    </header>
    <aside class="banner strong" aria-label="Attestation was simulated">
      <p class="banner-title">Attestation was SIMULATED. It protects nothing.</p>
      <p>
        The programs proved themselves with the stand-in platform <code>${attestation.platform}</code>, not with a
        trusted execution environment. Whoever runs the machines of this run can read everything on them. Treat it as a
        rehearsal: do not use this set-up with data that must stay confidential.
      </p>
    </aside>
    ${synthetic ? syntheticBanner : null} ${randomness === 'seeded' ? seededBanner : null}`;
}

const syntheticBanner = html`<aside class="banner" aria-label="Synthetic data">
  <p class="banner-title">The data is SYNTHETIC.</p>
  <p>
    The patients, or their division among hospitals, were made up by a generator. No number below says anything about
    real patients.
  </p>
</aside>`;

const seededBanner = html`<aside class="banner" aria-label="Chosen seed">
  <p class="banner-title">Keys and randomness came from a chosen SEED.</p>
  <p>
    The run can be repeated exactly, and whoever knows the seed knows every secret in it. For demonstrations and tests
    only.
  </p>
</aside>`;
