import { featureNames } from '../../../lib/contract/data-schema.ts';
import type { AppraisalPolicy, PolicyDocument } from '../../../lib/contract/appraisal-policy.ts';
import type { CborValue } from '../../../lib/core/cbor.ts';
import type { NoisePlan } from '../../../lib/contract/privacy-plan.ts';
import type { SealedContract, StudyContract } from '../../../lib/contract/study-contract.ts';
import { bytesEqual, toHex } from '../../../lib/core/bytes.ts';
import type { PublicKey } from '../../../lib/core/ids.ts';
import { freshWeights } from '../../../lib/learning/initial-weights.ts';
import { layoutOf } from '../../../lib/learning/layout.ts';
import { plaintextBytes, SALT_BYTES } from '../../../lib/learning/update-codec.ts';
import { printable, wrapped } from '../../output/printable.ts';
import { renderTable } from '../../output/table.ts';
import { meaningOf, oneIn } from '../../report/privacy-words.ts';
import { spokenWords } from '../../setup/organisation.ts';

const LABEL_COLUMNS = 14;
const WIDEST = 110;

interface SummaryOptions {
  /** Width of the terminal, in characters. */
  readonly columns: number;
  /** Keys that this hospital has confirmed, by id; null: not asked. */
  readonly confirmed: ReadonlyMap<string, PublicKey> | null;
}

/** Everything that a privacy officer needs to decide, in plain words. */
export function contractSummary(sealed: SealedContract, { columns, confirmed }: SummaryOptions): string {
  const width = Math.min(columns, WIDEST) - 1;
  const { contract } = sealed;
  const show = (rows: readonly (readonly [label: string, text: string])[]): string =>
    rows.map(([label, text]) => labelled(label, text, width)).join('\n');
  return [
    ...banner(contract, width),
    show([
      ['Study', `${contract.study.title} (${contract.study.id})`],
      ['Purpose', contract.study.purpose],
      ['Ethics', contract.study.ethics.join('; ') || 'no reference is given'],
      ['Contract', toHex(sealed.digest)],
      ['Valid', `${moment(contract.validity.notBefore)} to ${moment(contract.validity.notAfter)}`],
      ['Succeeds', succeeded(contract)],
      ['Data', `${contract.dataClass}; results are kept ${contract.retentionDays} days`],
    ]),
    `Who takes part\n\n${parties(contract, confirmed)}\n${show([['Together', together(contract)]])}`,
    `What leaves the hospital\n\n${show(leaving(contract))}`,
    `What is read and learned\n\n${columnTable(contract)}\n${show(learned(contract))}`,
    `Which programs are believed\n\n${show([
      ['Enclave', believed(contract.appraisal.enclave)],
      ['Agents', believed(contract.appraisal.site)],
      ['Proved again', `every ${contract.reattestIntervalMs / 1000} s while a session lives`],
    ])}`,
  ].join('\n\n');
}

function banner({ environment }: StudyContract, width: number): string[] {
  if (environment === 'production') return [];
  const text =
    'SIMULATION. Attestation under this contract is simulated and protects nothing: whoever runs the machines can ' +
    'read every update. Approve it only for data that needs no protection.';
  return [wrapped(text, width).join('\n')];
}

/** What a hospital must not overlook: this is a successor, of what, and what of the past counts. */
function succeeded({ predecessor, model }: StudyContract): string {
  if (predecessor === null) return 'no other contract';
  const { contract, round, head } = predecessor;
  const from =
    freshWeights(model) === null
      ? `It goes on from the model released there, ${toHex(model.initialDigest)}.`
      : 'It begins anew: that model is not used.';
  return (
    `contract ${toHex(contract)}, after its round ${round} (statement ${head.counter}). ${from} Rounds count from 1 ` +
    'again. Approvals of that contract do not count here. What each hospital has sent and the statements it has seen ' +
    'carry over, and its agent stops working under that contract.'
  );
}

function parties({ organisations }: StudyContract, confirmed: SummaryOptions['confirmed']): string {
  const columns = ['id', 'name', 'six words', ...(confirmed === null ? [] : ['confirmed by you'])];
  return renderTable(
    columns.map((title) => ({ title, align: 'left' })),
    organisations.map(({ id, name, key }) => {
      const known = confirmed?.get(id);
      const verdict = known === undefined ? 'no' : bytesEqual(known, key) ? 'yes' : 'ANOTHER KEY';
      return [id, name, spokenWords({ id, key }), ...(confirmed === null ? [] : [verdict])];
    }),
  );
}

function together({ organisations, kMin, requireSites, toleratedColluders, privacy }: StudyContract): string {
  const required = requireSites.length === 0 ? 'none must take part' : `always with ${requireSites.join(', ')}`;
  const counting = `acknowledgements are counted so that ${toleratedColluders} colluding hospitals change nothing`;
  const singledOut =
    kMin === 1
      ? 'A round may hold the update of one hospital alone: then the model shows that update.'
      : `${kMin - 1} that collude can single out the update of another hospital${privacy.placement === 'none' ? '' : ', but for the noise'}.`;
  return `at least ${kMin} of these ${organisations.length} in every released model, ${required}; ${counting}. ${singledOut}`;
}

function leaving(contract: StudyContract): [string, string][] {
  const { grid, releaseTo, model, rounds, privacy } = contract;
  const step = 2 ** grid.stepLog2;
  const { length } = layoutOf(model.spec);
  return [
    ['Never', privacy.placement === 'none' ? 'rows, or values of a row' : NEVER_WITH_NOISE],
    [
      'Each round',
      `one update: ${updateContents(contract, length)}; always ${SALT_BYTES + plaintextBytes(length)} bytes, sealed so ` +
        'that only the enclave reads it. It adds the updates up and releases nothing but the model made of the ' +
        `${privacy.placement === 'enclave' ? 'sum and the noise' : 'sum'}.`,
    ],
    [
      'Grid',
      `steps of 2^${grid.stepLog2}; a number ${privacy.placement === 'enclave' ? 'lies within ±' : 'changes by at most '}` +
        `${grid.coordinateBound * step} a round, all together by at most ${grid.l2Bound * step} (Euclidean norm)`,
    ],
    ['Rounds', `${rounds}, each with one released model`],
    [
      'Others see',
      'who takes part and when, and the signed statements of the enclave (digests and cohorts): coordinator and researcher',
    ],
    ...(privacy.placement === 'none' ? [NO_NOISE] : noiseTerms(contract, privacy)),
    [
      'Model goes to',
      releaseTo === 'sites'
        ? 'the hospitals that took part, nobody else'
        : 'the hospitals that took part and the coordinator',
    ],
  ];
}

const NEVER_WITH_NOISE =
  'rows, or values of a row; how many rows a hospital really has, or drew for a step; its training loss';

const NO_NOISE: [string, string] = [
  'Privacy',
  'no noise is added and no differential privacy is claimed: a released model may tell something about single ' +
    'patients to whoever holds it',
];

function updateContents({ grid, privacy }: StudyContract, length: number): string {
  switch (privacy.placement) {
    case 'none':
      return (
        `how each of the ${length} learned numbers changed, the number of training rows (at most ${grid.weightCap}) ` +
        'and the mean training loss'
      );
    case 'site':
      return (
        `how each of the ${length} learned numbers changed in a model that the hospital trained with noise in every ` +
        'step, and the published number of its records'
      );
    case 'enclave':
      return (
        `for each of the ${length} learned numbers the sum of the clipped gradients of a random sample of the ` +
        'hospital’s records, without noise, and nothing else'
      );
  }
}

/** What the privacy plan promises, and what it rests on. */
function noiseTerms({ rounds, training }: StudyContract, plan: NoisePlan): [string, string][] {
  const { placement, epsilon, delta, samplingRate, clip, noiseMultiplier, publicRecords } = plan;
  const steps = placement === 'site' ? `each of its ${training.localSteps} steps a round` : 'each round';
  const published = publicRecords.map(({ organisation, records }) => `${organisation} ${records}`).join(', ');
  return [
    [
      'Privacy',
      `all ${rounds} rounds together cost a record at most ε = ${epsilon} at δ = ${delta} (${oneIn(delta)}): one record ` +
        'more or less in one hospital’s training data (unit: record; neighbouring: add or remove). A patient with two ' +
        'records loses more than twice as much. Contracts before this one are not counted in it.',
    ],
    ['In words', `${meaningOf(plan)}.`],
    [
      'Noise',
      `in ${steps} every record is drawn with chance ${samplingRate}, each for itself; its gradient is cut to ` +
        `a Euclidean norm of ${clip}; discrete Gaussian noise is added to the sum, with a deviation of ` +
        `${Number(noiseMultiplier.toPrecision(5))} times what one record can move it, rounding included`,
    ],
    [
      'Added',
      placement === 'site'
        ? 'at each hospital, before anything leaves: it protects against the enclave and the other hospitals too'
        : 'in the enclave, once for all hospitals: it protects against everybody who sees a released model, and not ' +
          'against whoever can read the enclave’s memory, who sees each hospital’s sum',
    ],
    [
      'Public',
      `the number of each hospital’s training records as it publishes them, rounded: ${published}. ` +
        `${placement === 'site' ? 'Weights and expected' : 'Expected'} batches come from these, never from true counts.`,
    ],
  ];
}

function columnTable({ schema }: StudyContract): string {
  const rows = schema.features.map((feature) => [
    feature.column,
    feature.kind === 'number' ? `${feature.range[0]} to ${feature.range[1]}` : feature.levels.join(', '),
    feature.unit,
  ]);
  const { column, range, unit, positive } = schema.label;
  const rule = positive.rule === 'non-zero' ? 'positive when not 0' : `positive from ${positive.threshold}`;
  return renderTable(
    ['column', 'accepted', 'meaning'].map((title) => ({ title, align: 'left' })),
    [...rows, [column, `${range[0]} to ${range[1]}`, `${unit}: the outcome, ${rule}`]],
  );
}

function learned({
  model: { spec },
  schema,
  training,
  strategy,
  deadlines,
  rounds,
  privacy,
}: StudyContract): [string, string][] {
  const { length } = layoutOf(spec);
  const layers = spec.layers.map(({ units, activation }) => `${units} ${activation}`).join(', ');
  const kind = spec.layers.length === 1 && spec.layers[0]?.units === 1 ? 'logistic regression' : 'dense net';
  const batch = batchOf(training.batchSize, privacy);
  const seconds = (ms: number): string => `${ms / 1000} s`;
  return [
    [
      'Missing',
      `a row with a missing value (${schema.missing.join(', ') || 'no code'}) in one of these columns is left out`,
    ],
    ['Model', `${kind}, ${featureNames(schema).length} inputs, layers ${layers}: ${length} learned numbers`],
    [
      'Training',
      `${rounds} rounds of ${training.localSteps} gradient steps ${batch}, learning rate ${training.learningRate}` +
        (training.proximalMu === 0 ? '' : `, FedProx μ ${training.proximalMu}`),
    ],
    ['Combined by', `${strategy.name}, server learning rate ${strategy.serverLearningRate}`],
    [
      'Waits',
      `${seconds(deadlines.commitMs)} for commits, ${seconds(deadlines.uploadMs)} for updates, ` +
        `${seconds(deadlines.acknowledgeMs)} for acknowledgements`,
    ],
  ];
}

function batchOf(batchSize: number | null, privacy: StudyContract['privacy']): string {
  if (privacy.placement !== 'none') return `over random samples of ${privacy.samplingRate * 100} % of the rows`;
  return batchSize === null ? 'over all rows' : `of ${batchSize} rows`;
}

function believed(policy: AppraisalPolicy): string {
  const { platforms, measurements, instances, minSvn, evidence } = policy;
  if (evidence !== null) return `${platforms.join(' or ')}, when its evidence says: ${inWords(evidence)}`;
  const machines = instances === null ? 'any machine' : `machines ${instances.join(', ')}`;
  return `${platforms.join(' or ')}, program ${measurements.map(toHex).join(' or ')}, ${machines}, security version from ${minSvn}`;
}

/** A policy document on one line, in its own keys: what `consilium attest policy explain` explains. */
function inWords(document: PolicyDocument): string {
  const value = (item: CborValue): string => {
    if (Array.isArray(item)) return item.map(value).join(' or ');
    if (typeof item === 'object' && item !== null) return `{ ${entries(item as PolicyDocument)} }`;
    return String(item);
  };
  const entries = (map: PolicyDocument): string =>
    Object.entries(map)
      .filter(([key]) => key !== 'format')
      .map(([key, item]) => `${key}: ${value(item)}`)
      .join('; ');
  return entries(document);
}

function labelled(label: string, text: string, width: number): string {
  return wrapped(printable(text), width - LABEL_COLUMNS)
    .map((line, index) => (index === 0 ? label : '').padEnd(LABEL_COLUMNS) + line)
    .join('\n');
}

const moment = (at: number): string => `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
