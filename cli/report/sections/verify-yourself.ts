import { html, type Html } from '../html.ts';
import type { RunSummary } from '../run-summary.ts';

/** The commands by which a reader need not take this page's word. */
export function verifyYourself({ files, modelDigest, noise, randomness }: RunSummary): Html {
  const bundle = shellWord(files['bundle'] ?? 'BUNDLE');
  const keys = shellWord(files['orgKeys'] ?? 'KEYS');
  const roots = shellWord(files['roots'] ?? 'ROOTS');
  return html`<section aria-labelledby="verify">
    <h2 id="verify">How to verify this yourself</h2>
    <p>
      This page proves nothing; the passport bundle does. Run these in the run folder, without a network. Keys and roots
      must come from your own hands (the hospitals’ keys by telephone, the root from the platform’s maker), never from
      whoever gave you the bundle.
    </p>
    <ol>
      <li>
        Check the passport again${noise === 'none' ? null : ', and with it the noise and the ε that it states'}:
        <pre><code>consilium verify model ${bundle} --org-keys ${keys} --roots ${roots}</code></pre>
      </li>
      <li>
        Compute the expected measurement of the programs from their source, and compare it with the policy above:
        <pre><code>consilium measure</code></pre>
      </li>
      <li>
        Compare the digest of the model that you hold with this one:
        <pre><code>${modelDigest}</code></pre>
      </li>
      ${randomness === 'seeded' ? html`<li>Run the study again with the same seed, data, study file and backend: the model digest comes out the same.</li>` : null}
    </ol>
  </section>`;
}

/** Paths in commands are quoted, so that a copied line does what it shows. */
const shellWord = (text: string): string => (/^[\w./=:@-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);
