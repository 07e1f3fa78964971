import { decimals, duration, grouped, listed, ofHundred, plural } from '../format.ts';
import { html, type Html } from '../html.ts';
import { epsilonText } from '../privacy-words.ts';
import type { RunSummary } from '../run-summary.ts';
import { simulatorMark } from './simulator-note.ts';

/** The result in four sentences, then as figures. */
export function result(summary: RunSummary): Html {
  return html`<section aria-labelledby="result">
    <h2 id="result">The result</h2>
    ${[learned, quality, compared, protectedBy].map((sentence) => html`<p class="lead">${sentence(summary)}</p>`)}
    <dl class="figures">
      ${figure(html`AUC, all test patients${simulatorMark(summary, 'aucPooled')}`, decimals(summary.aucPooled))}
      ${figure(html`Log-loss${simulatorMark(summary, 'logLoss')}`, decimals(summary.logLoss))}
      ${figure(html`Brier score${simulatorMark(summary, 'brier')}`, decimals(summary.brier))}
      ${figure(html`Accuracy, mean of hospitals${simulatorMark(summary, 'accuracyMeanOfSites')}`, decimals(summary.accuracyMeanOfSites))}
      ${figure('Rounds', grouped(summary.rounds))} ${figure('Hospitals', grouped(summary.sites.length))}
      ${figure('Privacy spent (ε)', spent(summary))} ${figure('Time', duration(summary.wallMs))}
    </dl>
    <p class="note">AUC: 1 is perfect, 0.5 is guessing. Log-loss and Brier score: lower is better, 0 is perfect.</p>
  </section>`;
}

const figure = (name: Html | string, value: string): Html =>
  html`<div>
    <dt>${name}</dt>
    <dd>${value}</dd>
  </div>`;

function learned({ sites, rounds }: RunSummary): string {
  return `${plural(sites.length, 'hospital')} (${listed(sites)}) trained one model together in ${plural(rounds, 'round')}; patient records stayed where they were, only model updates were sent.`;
}

function quality({ aucPooled, accuracyMeanOfSites }: RunSummary): string {
  const ranked =
    aucPooled === null
      ? 'Its ranking of patients could not be measured, because all test patients had the same outcome'
      : `Of two patients it had never seen, one with the outcome and one without, it gives the first the higher risk in ${ofHundred(aucPooled)} cases (AUC ${decimals(aucPooled)})`;
  const right =
    accuracyMeanOfSites === null
      ? ''
      : `; on average over hospitals its yes-or-no answer is right for ${ofHundred(accuracyMeanOfSites)} patients`;
  return `${ranked}${right}.`;
}

function compared({ noise, baselines: { local, pooled } }: RunSummary): string {
  const auc = pooled.aucPooled === null ? '' : `, AUC ${decimals(pooled.aucPooled)}`;
  return `Each hospital training alone${noise === 'none' ? '' : ', without noise,'} would be right for ${ofHundred(local.accuracyMeanOfSites)} on average; all records brought together in one place${noise === 'none' ? '' : ' without noise'}, which is what this method avoids, would give ${ofHundred(pooled.accuracyMeanOfSites)}${auc}.`;
}

/** Never more than the sections below can keep. */
function protectedBy({ noise, epsilon, delta, epsilonValid, privacy }: RunSummary): string {
  if (noise === 'none' || privacy === null)
    return 'No noise was added, so nothing bounds what the model may reveal about one patient.';
  if (!epsilonValid)
    return 'Noise was added, but it came from a chosen seed: whoever knows the seed can take it away, so no ε of this run is valid.';
  return `Noise limits what anybody can learn about a single record from the models: the whole study cost it at most ε = ${epsilonText(epsilon)} of the ${privacy.target} allowed, at δ = ${delta ?? 0}.`;
}

const spent = ({ epsilon, epsilonValid, privacy }: RunSummary): string =>
  privacy === null ? 'none' : epsilonValid ? `${epsilonText(epsilon)} of ${privacy.target}` : 'not valid';
