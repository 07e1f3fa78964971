import { featureNames } from '../../../lib/contract/data-schema.ts';
import type { AppraisalPolicy } from '../../../lib/contract/appraisal-policy.ts';
import type { SealedContract, StudyContract } from '../../../lib/contract/study-contract.ts';
import { bytesEqual, toHex } from '../../../lib/core/bytes.ts';
import type { PublicKey } from '../../../lib/core/ids.ts';
import { freshWeights } from '../../../lib/learning/initial-weights.ts';
import { layoutOf } from '../../../lib/learning/layout.ts';
import { plaintextBytes, SALT_BYTES } from '../../../lib/learning/update-codec.ts';
import { printable, wrapped } from '../../output/printable.ts';
import { renderTable } from '../../output/table.ts';
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

function together({ organisations, kMin, requireSites, toleratedColluders }: StudyContract): string {
  const required = requireSites.length === 0 ? 'none must take part' : `always with ${requireSites.join(', ')}`;
  const counting = `acknowledgements are counted so that ${toleratedColluders} colluding hospitals change nothing`;
  const singledOut =
    kMin === 1
      ? 'A round may hold the update of one hospital alone: then the model shows that update.'
      : `${kMin - 1} that collude can single out the update of another hospital.`;
  return `at least ${kMin} of these ${organisations.length} in every released model, ${required}; ${counting}. ${singledOut}`;
}

function leaving(contract: StudyContract): [string, string][] {
  const { grid, releaseTo, model, rounds } = contract;
  const step = 2 ** grid.stepLog2;
  const { length } = layoutOf(model.spec);
  return [
    ['Never', 'rows, or values of a row'],
    [
      'Each round',
      `one update: how each of the ${length} learned numbers changed, the number of training rows (at most ` +
        `${grid.weightCap}) and the mean training loss; always ${SALT_BYTES + plaintextBytes(length)} bytes, sealed so ` +
        'that only the enclave reads it. It adds the updates up and releases nothing but the model made of the sum.',
    ],
    [
      'Grid',
      `steps of 2^${grid.stepLog2}; a number changes by at most ${grid.coordinateBound * step} a round, all together ` +
        `by at most ${grid.l2Bound * step} (Euclidean norm)`,
    ],
    ['Rounds', `${rounds}, each with one released model`],
    [
      'Others see',
      'who takes part and when, and the signed statements of the enclave (digests and cohorts): coordinator and researcher',
    ],
    [
      'Privacy',
      'no noise is added and no differential privacy is claimed: a released model may tell something about single ' +
        'patients to whoever holds it',
    ],
    [
      'Model goes to',
      releaseTo === 'sites'
        ? 'the hospitals that took part, nobody else'
        : 'the hospitals that took part and the coordinator',
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
}: StudyContract): [string, string][] {
  const { length } = layoutOf(spec);
  const layers = spec.layers.map(({ units, activation }) => `${units} ${activation}`).join(', ');
  const kind = spec.layers.length === 1 && spec.layers[0]?.units === 1 ? 'logistic regression' : 'dense net';
  const batch = training.batchSize === null ? 'over all rows' : `of ${training.batchSize} rows`;
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

function believed({ platforms, measurements, instances, minSvn }: AppraisalPolicy): string {
  const machines = instances === null ? 'any machine' : `machines ${instances.join(', ')}`;
  return `${platforms.join(' or ')}, program ${measurements.map(toHex).join(' or ')}, ${machines}, security version from ${minSvn}`;
}

function labelled(label: string, text: string, width: number): string {
  return wrapped(printable(text), width - LABEL_COLUMNS)
    .map((line, index) => (index === 0 ? label : '').padEnd(LABEL_COLUMNS) + line)
    .join('\n');
}

const moment = (at: number): string => `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
