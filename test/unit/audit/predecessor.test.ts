import { beforeAll, describe, expect, it } from 'vitest';
import { decodeBundle, encodeBundle, type PassportBundle } from '../../../lib/audit/passport-bundle.ts';
import { openPredecessor, releaseOf, verifyPredecessor } from '../../../lib/audit/predecessor.ts';
import type { PassportTrust } from '../../../lib/audit/passport.ts';
import { sealContract, type SealedContract, type StudyContract } from '../../../lib/contract/study-contract.ts';
import { refusal } from '../../../lib/core/errors.ts';
import { organisationId } from '../../../lib/core/ids.ts';
import { freshWeights } from '../../../lib/learning/initial-weights.ts';
import { MemoryStudy, must } from '../../support/study-in-memory.ts';
import { freshStart, successorOf } from '../../support/successor-contract.ts';
import { digestOf, hardwarePolicy, testContract } from '../../support/test-contract.ts';
import { outcome } from '../contract/outcome.ts';
import { forgeBundle } from './forged-bundle.ts';

const accepted: PassportTrust['appraise'] = () => ({
  refusals: [],
  measurement: digestOf('program'),
  simulated: true,
});
let study: MemoryStudy;
let rounds: readonly Uint8Array[];
let newest: Uint8Array;
let successor: SealedContract;

beforeAll(() => {
  study = new MemoryStudy(testContract());
  rounds = [1, 2].map((round) => {
    study.run(round);
    return study.enclave.bundle();
  });
  newest = rounds[1] ?? new Uint8Array();
  successor = successorOf(study.sealed, newest);
});

const verified = (bytes: Uint8Array, sealed = successor, appraise = accepted, continues = true): string =>
  outcome(verifyPredecessor(bytes, { sealed, continues }, appraise));
const bent = (change: Partial<StudyContract>): SealedContract =>
  must(sealContract({ ...successor.contract, ...change }));

describe('PROTOCOL §6.1: the passport that a successor goes on from', () => {
  it('says of which contract, round and place it is, and which model was released', () => {
    const { contract, round, head, child } = must(releaseOf(must(decodeBundle(newest))));
    expect(contract.digest).toEqual(study.sealed.digest);
    expect({ contract: contract.digest, round, head }).toEqual(successor.contract.predecessor);
    expect(child).toEqual(successor.contract.model.initialDigest);
    expect(freshWeights(successor.contract.model)).toBeNull();
    expect(freshWeights(study.sealed.contract.model)).toEqual(new Float32Array(3));
  });

  it('is accepted when it is the one that the contract names and every check passes', () => {
    expect(verified(newest)).toBe('opened');
  });

  it('is accepted, whatever its model, when the study begins anew', () => {
    const anew = successorOf(study.sealed, newest, { beginAnew: freshStart(study.sealed) });
    expect(verified(newest, anew, accepted, false)).toBe('opened');
    expect(verified(newest, anew)).toContain('E-PREDECESSOR-INVALID: model.initialDigest');
  });

  it('is refused where there is no predecessor', () => {
    expect(outcome(openPredecessor(newest, { sealed: study.sealed, continues: false }))).toBe(
      'E-PREDECESSOR-INVALID: this contract succeeds no other',
    );
  });

  it.each<[string, () => string, string]>([
    ['no bundle', () => verified(new Uint8Array([1, 2, 3])), ''],
    ['nothing at all', () => verified(new Uint8Array()), ''],
    ['the passport of an earlier round', () => verified(rounds[0] ?? new Uint8Array()), 'head'],
    [
      'the passport of another contract',
      () => {
        const other = new MemoryStudy(testContract({ rounds: 9 }));
        other.run(1);
        return verified(other.enclave.bundle());
      },
      'contract',
    ],
    [
      'a head at another place',
      () => {
        const { predecessor } = successor.contract;
        if (predecessor === null) throw new Error('a successor');
        const head = { ...predecessor.head, counter: predecessor.head.counter + 1 };
        return verified(newest, bent({ predecessor: { ...predecessor, head } }));
      },
      'head',
    ],
    [
      'another round than it says',
      () => {
        const { predecessor } = successor.contract;
        if (predecessor === null) throw new Error('a successor');
        return verified(newest, bent({ predecessor: { ...predecessor, round: 1 } }));
      },
      'round: got 2, want 1',
    ],
    [
      'another study',
      () => verified(newest, bent({ study: { ...successor.contract.study, id: organisationId('other-study') } })),
      'study.id',
    ],
    [
      'another model than the released one',
      () => verified(newest, bent({ model: { ...successor.contract.model, initialDigest: digestOf('other') } })),
      'model.initialDigest',
    ],
    [
      'a model of another layout',
      () => verified(newest, bent({ model: { ...successor.contract.model, layoutDigest: digestOf('other') } })),
      'model.layoutDigest',
    ],
    [
      'evidence that is not accepted',
      () =>
        verified(newest, successor, () => ({
          refusals: [refusal('E-ATTEST-SIGNATURE')],
          measurement: null,
          simulated: true,
        })),
      'passport: enclave evidence',
    ],
    ['too few acknowledgements', () => verified(changed({ acknowledgements: [] })), 'passport: acknowledgements'],
    ['approvals left out', () => verified(changed({ approvals: [] })), 'passport: approvals by confirmed hospitals'],
  ])('is refused: %s', (_what, play, detail) => {
    expect(play()).toContain(`E-PREDECESSOR-INVALID: ${detail}`);
  });

  it('is refused when an enclave without the hospitals’ keys made it up', () => {
    const forged = forgeBundle(study, { release: { child: digestOf('my own model') } });
    const release = must(releaseOf(forged));
    const sealed = bent({
      model: { ...successor.contract.model, initialDigest: release.child },
      predecessor: { contract: study.sealed.digest, head: release.head, round: 2 },
    });
    expect(verified(encodeBundle(forged), sealed)).toContain('passport: result bound by intent');
  });

  it('is refused in another environment', () => {
    const sealed = bent({ environment: 'production', appraisal: { enclave: hardwarePolicy, site: hardwarePolicy } });
    expect(verified(newest, sealed)).toContain('E-PREDECESSOR-INVALID: environment');
  });
});

const changed = (change: Partial<PassportBundle>): Uint8Array =>
  encodeBundle({ ...must(decodeBundle(newest)), ...change });
