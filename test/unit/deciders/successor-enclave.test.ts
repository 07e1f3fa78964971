import { beforeAll, describe, expect, it } from 'vitest';
import { openStatementAs, type Genesis } from '../../../lib/audit/statement.ts';
import type { SealedContract } from '../../../lib/contract/study-contract.ts';
import { organisationId } from '../../../lib/core/ids.ts';
import { initialWeights } from '../../../lib/learning/initial-weights.ts';
import { encodeWeights } from '../../../lib/learning/weights.ts';
import { initialSiteState } from '../../../site-agent/state.ts';
import { MemoryEnclave, MemoryStudy, must } from '../../support/study-in-memory.ts';
import { freshStart, successorOf } from '../../support/successor-contract.ts';
import { digestOf, HOSPITALS, START, testContract } from '../../support/test-contract.ts';
import { outcome } from '../contract/outcome.ts';

let study: MemoryStudy;
let earlier: Uint8Array;
let passport: Uint8Array;
let next: SealedContract;
let weights: Uint8Array;

beforeAll(() => {
  study = new MemoryStudy(testContract());
  study.run(1);
  earlier = study.enclave.bundle();
  study.run(2);
  passport = study.enclave.bundle();
  weights = study.enclave.weights();
  next = successorOf(study.sealed, passport);
});

const from = organisationId('adler');

const boot = (sealed: SealedContract, predecessor?: Uint8Array): string =>
  outcome(
    new MemoryEnclave(sealed).handle({
      type: 'boot',
      at: START,
      noiseRoot: digestOf('noise root'),
      initialWeights: initialWeights(sealed.contract.model.spec),
      predecessor,
    }),
  );

/** Born under the successor, and approved. */
function born(sealed = next): MemoryEnclave {
  const enclave = new MemoryEnclave(sealed, 'successor boot');
  enclave.begin(START, HOSPITALS, passport);
  return enclave;
}

describe('PROTOCOL §7.1: the genesis of a successor', () => {
  it('names its past and the model it goes on from, without having it', () => {
    const enclave = born();
    const [statement] = enclave.statements();
    if (statement === undefined) throw new Error('no genesis');
    const genesis: Genesis = must(openStatementAs(statement.bytes, 'genesis', 'E-INTERNAL')).statement;
    expect(genesis.predecessor).toEqual(next.contract.predecessor);
    expect(genesis.model).toEqual(study.site('adler').state.model.digest);
    expect(enclave.state).toMatchObject({ phase: 'idle', ledger: { model: { round: 0, content: null } } });
  });

  it('when the study begins anew, has its weights, and wants the passport all the same', () => {
    const anew = successorOf(study.sealed, passport, { beginAnew: freshStart(study.sealed) });
    const { state } = born(anew);
    expect(state.phase === 'idle' && state.ledger.model.content?.weights).toEqual(
      initialWeights(anew.contract.model.spec),
    );
    expect(boot(anew)).toContain('E-PREDECESSOR-INVALID');
  });

  it.each<[string, () => string, string]>([
    ['without a passport', () => boot(next), 'E-PREDECESSOR-INVALID: no passport was given'],
    ['with the passport of an earlier round', () => boot(next, earlier), 'E-PREDECESSOR-INVALID: head'],
    ['with what is no passport', () => boot(next, new Uint8Array([7])), 'E-PREDECESSOR-INVALID'],
    [
      'of a contract without a past that starts from a model nobody can compute',
      () => boot(testContract({ model: { ...study.sealed.contract.model, initialDigest: digestOf('x') } }), passport),
      'E-CONTRACT-INVALID: model.initialDigest',
    ],
  ])('is refused %s', (_what, play, want) => {
    expect(play()).toContain(want);
  });

  it('is refused where the evidence behind the passport is not accepted', () => {
    const enclave = new MemoryEnclave(next);
    const judged: string[] = [];
    const appraise: typeof enclave.environment.appraise = (publication, { digest }) => {
      judged.push(publication.contract.join() === digest.join() ? 'its own contract' : 'another contract');
      return { refusals: [{ code: 'E-ATTEST-SIGNATURE', detail: '' }], measurement: null, simulated: true };
    };
    Object.assign(enclave, { environment: { ...enclave.environment, appraise } });
    expect(() => {
      enclave.begin(START, HOSPITALS, passport);
    }).toThrow('E-PREDECESSOR-INVALID: passport: enclave evidence');
    expect(judged).toEqual(['its own contract']);
    expect(enclave.state.phase).toBe('unborn');
  });
});

describe('PROTOCOL §7.1: the model that a successor goes on from', () => {
  const open = (enclave: MemoryEnclave): string =>
    outcome(enclave.handle({ type: 'open-round', at: START, round: 1, attempt: 1 }));
  const bring = (enclave: MemoryEnclave, bytes: Uint8Array): string =>
    outcome(enclave.handle({ type: 'receive-model', from, weights: bytes }));

  it('is brought by a hospital; no round opens before', () => {
    const enclave = born();
    expect(open(enclave)).toContain('E-MODEL-WANTED');
    expect(bring(enclave, weights)).toBe('opened');
    expect(enclave.weights()).toEqual(weights);
    expect(open(enclave)).toBe('opened');
  });

  it('is brought once: a second hospital changes nothing, whatever it brings', () => {
    const enclave = born();
    must(enclave.handle({ type: 'receive-model', from, weights }));
    const { length } = enclave.log;
    expect(bring(enclave, weights)).toBe('opened');
    expect(bring(enclave, new Uint8Array(12))).toBe('opened');
    expect(enclave.log).toHaveLength(length);
    expect(enclave.weights()).toEqual(weights);
  });

  it.each<[string, () => Uint8Array]>([
    ['another model', () => encodeWeights(Float32Array.of(1, 2, 3))],
    ['an earlier model', () => encodeWeights(new Float32Array(3))],
    ['too few weights', () => weights.subarray(4)],
    ['no weights', () => new Uint8Array()],
    ['a weight that is not finite', () => encodeWeights(Float32Array.of(NaN, 0, 0))],
  ])('is refused when it is %s, and the enclave goes on asking', (_what, bytes) => {
    const enclave = born();
    const before = enclave.state;
    expect(bring(enclave, bytes())).toContain('E-PREDECESSOR-INVALID: model of adler');
    expect(enclave.state).toBe(before);
    expect(bring(enclave, weights)).toBe('opened');
    expect(open(enclave)).toBe('opened');
  });

  it('is never asked of a study that begins with initial weights', () => {
    const decided = study.enclave.fork().handle({ type: 'receive-model', from, weights: new Uint8Array(3) });
    expect(decided).toEqual({ ok: true, value: [] });
  });

  it('is what round 1 is computed from, and its passport verifies', () => {
    const successor = new MemoryStudy(next, {}, passport);
    const { model } = study.site('adler').state;
    for (const site of successor.sites)
      site.state = { ...initialSiteState({ ...model, round: 0 }), trustedBootKeys: site.state.trustedBootKeys };
    must(successor.enclave.handle({ type: 'receive-model', from, weights }));
    successor.run(1);
    const [, manifest] = successor.enclave.statements();
    expect(manifest?.statement).toMatchObject({ type: 'manifest', round: 1, parent: model.digest });
    expect(successor.site('adler').state.model.round).toBe(1);
  });
});
