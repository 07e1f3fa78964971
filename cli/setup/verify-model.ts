import { decodeBundle } from '../../lib/audit/passport-bundle.ts';
import { verifyPassport, type PassportCheck, type PassportReport } from '../../lib/audit/passport.ts';
import type { Collateral } from '../../lib/attestation/collateral/collateral.ts';
import type { Release } from '../../lib/audit/statement.ts';
import { encodeDocument } from '../../lib/contract/shapes.ts';
import type { SealedContract } from '../../lib/contract/study-contract.ts';
import { bytesEqual, toHex } from '../../lib/core/bytes.ts';
import { describeRefusal } from '../../lib/core/errors.ts';
import type { PublicKey } from '../../lib/core/ids.ts';
import { layoutOf } from '../../lib/learning/layout.ts';
import { decodeModelFile, type ModelFile } from '../../lib/learning/model-file.ts';
import type { NamedKey } from './confirmed-keys.ts';
import { passportTrust } from './passport-trust.ts';

export interface Verification extends PassportReport {
  /** False when no model file was given: the passport alone says nothing about any weights. */
  readonly weightsChecked: boolean;
}

interface Evidence {
  readonly bundle: Uint8Array;
  /** null: no model file is checked. */
  readonly model: Uint8Array | null;
  /** From the verifier's own hands. */
  readonly organisations: readonly NamedKey[];
  readonly simulatedRoots: readonly PublicKey[];
  /** Of vendors, beside what the publications bring. */
  readonly collateral?: Collateral;
  /** Accept evidence of real hardware only. */
  readonly requireHardware: boolean;
}

/** A passport bundle and the model it is for, every check of both (PROTOCOL §7.7). Total. */
export function verifyModel(evidence: Evidence): Verification {
  const { bundle, model, organisations, simulatedRoots, collateral = [], requireHardware } = evidence;
  const weightsChecked = model !== null;
  const decoded = decodeBundle(bundle);
  if (!decoded.ok) {
    const check = { name: 'bundle', passed: false, detail: describeRefusal(decoded.error) };
    return { passed: false, checks: [check], simulated: true, release: null, contract: null, weightsChecked };
  }
  const environment = requireHardware || simulatedRoots.length === 0 ? 'production' : 'simulation';
  const report = verifyPassport(
    decoded.value,
    passportTrust({ organisations, simulatedRoots, environment, collateral }),
  );
  const { contract, release } = report;
  if (model === null || contract === null || release === null) return { ...report, weightsChecked };
  const checks = [...report.checks, ...modelChecks(model, { contract, release })];
  return { ...report, checks, passed: checks.every(({ passed }) => passed), weightsChecked };
}

interface Vouched {
  readonly contract: SealedContract;
  readonly release: Release;
}

/** Whether a model file is the one that contract and release speak of: weights, shape, and how rows become inputs. */
function modelChecks(bytes: Uint8Array, { contract: sealed, release }: Vouched): PassportCheck[] {
  const decoded = decodeModelFile(bytes);
  if (!decoded.ok) return [{ name: 'model file', passed: false, detail: describeRefusal(decoded.error) }];
  const model = decoded.value;
  const { model: shape, schema } = sealed.contract;
  return [
    { name: 'model file', passed: true, detail: '' },
    compared('weights of the passport', model.digest, release.child),
    compared('contract of the model file', model.contract, sealed.digest),
    check('round of the model file', model.round === release.round, `got ${model.round}, want ${release.round}`),
    compared('layout of the model file', layoutOf(model.spec).digest, shape.layoutDigest),
    check('model of the contract', sameDocument(model.spec, shape.spec), 'the file describes another model'),
    // Scaling that differs from the contract's makes the right weights give wrong answers.
    check('schema of the contract', sameSchema(model, schema), 'the file prepares rows in another way'),
  ];
}

const sameSchema = (model: ModelFile, schema: ModelFile['schema']): boolean => sameDocument(model.schema, schema);

const sameDocument = (a: object, b: object): boolean => bytesEqual(encodeDocument(a), encodeDocument(b));

const check = (name: string, passed: boolean, otherwise: string): PassportCheck => ({
  name,
  passed,
  detail: passed ? '' : otherwise,
});

const compared = (name: string, got: Uint8Array, want: Uint8Array): PassportCheck =>
  check(name, bytesEqual(got, want), `got ${toHex(got)}, want ${toHex(want)}`);
