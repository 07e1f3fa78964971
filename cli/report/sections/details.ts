import { grouped } from '../format.ts';
import { html, type Html } from '../html.ts';
import type { RunSummary } from '../run-summary.ts';

/** Digests, circumstances and the files of the run. */
export function details({ modelDigest, contractDigest, backend, randomness, parameters, files }: RunSummary): Html {
  const facts: readonly (readonly [string, Html | string])[] = [
    ['Model digest', html`<code>${modelDigest}</code>`],
    ['Contract digest', html`<code>${contractDigest}</code>`],
    ['Learned numbers', grouped(parameters)],
    ['Training backend', backend],
    ['Randomness', randomness === 'seeded' ? 'from a chosen seed' : 'operating system (CSPRNG)'],
  ];
  const paths = Object.entries(files);
  return html`<section aria-labelledby="details">
    <h2 id="details">Details</h2>
    <dl class="facts-list">
      ${facts.map(
        ([name, value]) =>
          html`<div>
            <dt>${name}</dt>
            <dd>${value}</dd>
          </div>`,
      )}
    </dl>
    ${
      paths.length === 0
        ? null
        : html`<h3>Files of this run</h3>
            <dl class="facts-list">
              ${paths.map(
                ([name, path]) =>
                  html`<div>
                    <dt>${name}</dt>
                    <dd><code>${path}</code></dd>
                  </div>`,
              )}
            </dl>`
    }
  </section>`;
}
