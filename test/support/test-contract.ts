import { sealContract, type SealedContract, type StudyContract } from '../../lib/contract/study-contract.ts';
import { epsilonOfPlan } from '../../lib/contract/privacy-plan.ts';
import { signApproval } from '../../lib/contract/approval.ts';
import { signerFromSeed, type Signer } from '../../lib/core/ed25519.ts';
import { hash } from '../../lib/core/hash.ts';
import { instant, organisationId, type Digest, type Instant, type OrganisationId } from '../../lib/core/ids.ts';
import { utf8 } from '../../lib/core/bytes.ts';
import { initialWeights } from '../../lib/learning/initial-weights.ts';
import { layoutOf } from '../../lib/learning/layout.ts';
import { plannedWeight } from '../../lib/privacy/mechanism.ts';
import { modelDigest } from '../../lib/learning/weights.ts';

export const START: Instant = instant(Date.UTC(2026, 10, 2, 9, 0, 0));
export const DAY_MS = 24 * 3_600_000;

/** A digest that means nothing but is the same in every run. */
export const digestOf = (label: string): Digest => hash('seed', utf8(label));

export const organisationSigner = (id: string): Signer => signerFromSeed(digestOf(`organisation ${id}`));

export const HOSPITALS: readonly OrganisationId[] = ['adler', 'birch', 'cedar', 'dogwood'].map(organisationId);

/** A small study of `HOSPITALS` with two features; `change` may bend any field. */
/** What a contract for real hardware says of one party. */
export const hardwarePolicy = {
  platforms: ['sev-snp' as const],
  measurements: [],
  instances: null,
  minSvn: 0,
  evidence: { format: 'consilium/attestation-policy/v1', 'sev-snp': { measurements: ['5e'.repeat(48)] } },
};

export function testContract(change: Partial<StudyContract> = {}): SealedContract {
  const spec = {
    kind: 'dense',
    inputs: 2,
    layers: [{ units: 1, activation: 'sigmoid' }],
    initial: { kind: 'zeros' },
  } as const satisfies StudyContract['model']['spec'];
  const layout = layoutOf({ ...spec, layers: [...spec.layers] });
  const policy = {
    platforms: ['simulated' as const],
    measurements: [digestOf('program')],
    instances: null,
    minSvn: 0,
    evidence: null,
  };
  const contract: StudyContract = {
    format: 'consilium/contract/v1',
    study: { id: organisationId('test-study'), title: 'A study of tests', purpose: 'To test', ethics: [] },
    rounds: 3,
    model: {
      spec: { ...spec, layers: [...spec.layers] },
      layoutDigest: layout.digest,
      initialDigest: modelDigest(layout.digest, initialWeights({ ...spec, layers: [...spec.layers] })),
    },
    schema: {
      format: 'csv',
      delimiter: ',',
      header: true,
      columns: ['a', 'b', 'y'],
      missing: ['?'],
      missingRule: 'drop-row',
      features: [
        { column: 'a', kind: 'number', unit: 'mg', range: [-100, 100], centre: 0, halfWidth: 1 },
        { column: 'b', kind: 'number', unit: 'mg', range: [-100, 100], centre: 0, halfWidth: 1 },
      ],
      clip: 3,
      label: { column: 'y', unit: 'yes/no', range: [0, 1], positive: { rule: 'non-zero' } },
      split: { everyNth: 3, testRows: {} },
    },
    training: { optimizer: 'sgd', learningRate: 0.5, localSteps: 2, batchSize: null, proximalMu: 0 },
    strategy: { name: 'fedavg', serverLearningRate: 1 },
    grid: { stepLog2: -20, coordinateBound: 2 ** 23, weightCap: 4096, l2Bound: 2 ** 24 },
    privacy: { placement: 'none' },
    organisations: HOSPITALS.map((id) => ({ id, name: `${id} hospital`, key: organisationSigner(id).publicKey })),
    kMin: 3,
    requireSites: [],
    toleratedColluders: 0,
    deadlines: { commitMs: 5_000, uploadMs: 20_000, acknowledgeMs: 5_000 },
    reattestIntervalMs: 300_000,
    appraisal: { enclave: policy, site: policy },
    releaseTo: 'sites',
    dataClass: 'synthetic',
    retentionDays: 30,
    environment: 'simulation',
    validity: { notBefore: START, notAfter: instant(START + 365 * DAY_MS) },
    predecessor: null,
    ...change,
  };
  const sealed = sealContract(contract);
  if (!sealed.ok) throw new Error(sealed.error.detail);
  return sealed.value;
}

/** What an update says beside its coordinates: under a contract with noise, what is public and nothing else. */
export function updateFields(
  { contract: { privacy } }: SealedContract,
  organisation: OrganisationId,
  weight: number,
): { weight: number; trainLoss: number } {
  if (privacy.placement === 'none') return { weight, trainLoss: 0.5 };
  return { weight: plannedWeight(privacy, organisation), trainLoss: 0 };
}

export function testApproval(sealed: SealedContract, organisation: OrganisationId, days = 100): Uint8Array {
  const fields = {
    contract: sealed.digest,
    organisation,
    epsilonBudget: epsilonOfPlan(sealed.contract.privacy),
    expires: instant(START + days * DAY_MS),
  };
  return signApproval(fields, organisationSigner(organisation));
}
