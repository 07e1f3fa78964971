import { describe, expect, it } from 'vitest';
import { decide } from '../../../aggregator-enclave/decider.ts';
import type { CommandOf } from '../../../aggregator-enclave/event.ts';
import { evolve } from '../../../aggregator-enclave/evolve.ts';
import { encodePublication, type Publication } from '../../../lib/audit/passport-bundle.ts';
import { headOf, type SignedStatement } from '../../../lib/audit/statement.ts';
import { encodeCbor } from '../../../lib/core/cbor.ts';
import { signerFromSeed } from '../../../lib/core/ed25519.ts';
import { refusal } from '../../../lib/core/errors.ts';
import { headProof } from '../../../site-agent/head-proof.ts';
import { MemoryEnclave, MemoryStudy, must } from '../../support/study-in-memory.ts';
import { digestOf, START, testContract } from '../../support/test-contract.ts';
import { linkedStatement } from './linked-statement.ts';

/**
 * PROTOCOL §7. An enclave after its first round, and a twin that went on from the same state: its second manifest is
 * ahead of the enclave. `stayed` has gone another way meanwhile: the same place of its chain holds another statement.
 */
const study = new MemoryStudy(testContract());
study.run(1);
const { enclave } = study;
const { environment } = enclave;
const twin = enclave.fork();
must(twin.handle({ type: 'open-round', at: START, round: 2, attempt: 1 }));
const stayed = enclave.fork();
must(stayed.handle({ type: 'open-round', at: START, round: 2, attempt: 7 }));
const from = study.site('cedar').environment.organisation;
const ahead = newest(twin);
const publication = twin.publication();

type Proof = CommandOf<'receive-head-proof'>;
const proof = (change: Partial<Proof> = {}): Proof => ({
  type: 'receive-head-proof',
  from,
  head: headOf(ahead),
  statement: ahead.bytes,
  publication: encodePublication(publication),
  ...change,
});
const published = (change: Partial<Publication>): Uint8Array => encodePublication({ ...publication, ...change });

function newest(of: MemoryEnclave): SignedStatement {
  const statement = of.statements().at(-1);
  if (statement === undefined) throw new Error('no statement');
  return statement;
}

/** A statement at the twin's place, signed by somebody else. */
function signedBy(label: string): Pick<Proof, 'head' | 'statement'> {
  const signer = signerFromSeed(digestOf(label));
  const signed = linkedStatement('manifest', { like: twin.statements(), after: headOf(newest(enclave)), signer });
  return { head: headOf(signed), statement: signed.bytes };
}

describe('PROTOCOL §7: a head that is proven', () => {
  it.each([
    ['is ahead of the enclave', enclave],
    ['stands in a place that the enclave has filled otherwise', stayed],
  ])('halts when it %s', (_, behind) => {
    const decision = decide(behind.environment, behind.state, proof());
    const [event, ...others] = must(decision);
    if (event?.type !== 'halted') throw new Error('not halted');
    expect(others).toEqual([]);
    const own = newest(behind).statement.counter;
    expect(event.refusal).toMatchObject({
      code: 'E-STATE-BEHIND',
      got: `statement ${ahead.statement.counter}`,
      want: `none but its own, the newest is ${own}`,
    });
    const halted = evolve(behind.environment, behind.state, event);
    expect(halted.phase).toBe('halted');
    for (const command of [proof(), { type: 'open-round', at: START, round: 2, attempt: 9 } as const]) {
      const refused = decide(behind.environment, halted, command);
      expect(refused.ok ? null : refused.error).toEqual(event.refusal);
    }
    expect(() => evolve(behind.environment, halted, event)).toThrow('halted');
  });

  it('takes nothing over from what it was shown', () => {
    const behind = enclave.fork();
    const before = newest(behind).digest;
    must(behind.handle(proof()));
    expect(newest(behind).digest).toEqual(before);
  });
});

describe('PROTOCOL §7: a head that is not proven changes nothing', () => {
  const another = signedBy('a boot that was never published');
  const elsewhere = new MemoryStudy(testContract({ rounds: 7 }));
  elsewhere.run(1);
  const anew = new MemoryStudy(testContract(), {});
  const born = new MemoryEnclave(anew.sealed, 'another machine');
  born.begin();
  must(born.handle({ type: 'open-round', at: START, round: 1, attempt: 1 }));
  const own = newest(enclave);
  const foreign = newest(elsewhere.enclave);
  const beginsAnew = newest(born);

  const REFUSED: readonly (readonly [string, string, Partial<Proof>])[] = [
    ['no statement', 'not a signed one', { statement: encodeCbor({ body: digestOf('x') }) }],
    ['a flipped bit', 'not a signed one', { statement: ahead.bytes.map((byte, at) => (at === 90 ? byte ^ 1 : byte)) }],
    ['another contract', 'of another contract', { head: headOf(foreign), statement: foreign.bytes }],
    ['another counter than was named', 'than the head it named', { head: { ...headOf(ahead), counter: 10 ** 9 } }],
    ['another digest than was named', 'than the head it named', { head: { ...headOf(ahead), digest: digestOf('r') } }],
    ['a true statement of this chain', 'one of this enclave', { head: headOf(own), statement: own.bytes }],
    ['no publication', 'cannot be read', { publication: encodeCbor('nothing') }],
    [
      'a boot key without publication',
      'than the one that signed',
      { head: another.head, statement: another.statement },
    ],
    [
      'another contract behind the key',
      'for another contract',
      { publication: published({ contract: digestOf('c') }) },
    ],
    ['another genesis behind the key', 'of another genesis', { publication: published({ genesis: digestOf('g') }) }],
    [
      'a study begun anew under the same contract',
      'of another genesis',
      {
        head: headOf(beginsAnew),
        statement: beginsAnew.bytes,
        publication: encodePublication(born.publication()),
      },
    ],
  ];

  it.each(REFUSED)('%s', (_, why, change) => {
    const decision = decide(environment, enclave.state, proof(change));
    if (decision.ok) throw new Error('it was believed');
    expect(decision.error.code).toBe('E-HEAD-UNPROVEN');
    expect(decision.error.detail).toMatch(new RegExp(`^cedar: .*${why}`));
  });

  it('evidence that the contract does not accept', () => {
    const refused = refusal('E-ATTEST-MEASUREMENT', 'measurement');
    const strict: typeof environment = {
      ...environment,
      appraise: (shown) => {
        expect(shown).toEqual(publication);
        return { refusals: [refused], measurement: null, simulated: true };
      },
    };
    const decision = decide(strict, enclave.state, proof());
    if (decision.ok) throw new Error('it was believed');
    expect(decision.error.code).toBe('E-HEAD-UNPROVEN');
    expect(decision.error.detail).toContain('E-ATTEST-MEASUREMENT');
  });
});

describe('PROTOCOL §7: what a hospital shows of its head', () => {
  it('is the statement and the publication that an enclave behind it halts on', () => {
    const site = study.site('cedar').fork();
    must(site.handle({ type: 'trust-publication', publication }));
    must(site.see(ahead));
    const shown = must(headProof(site.state));
    expect(shown).toEqual({ type: 'head-proof', statement: ahead.bytes, publication: encodePublication(publication) });
  });

  it('is nothing where it has seen nothing, or knows no evidence of the boot', () => {
    const [fresh] = new MemoryStudy(testContract()).sites;
    if (fresh === undefined) throw new Error('no site');
    for (const state of [fresh.state, study.site('cedar').state]) {
      const shown = headProof(state);
      expect(shown.ok ? null : shown.error.code).toBe('E-HEAD-UNPROVEN');
    }
  });

  it('the first publication of a boot is kept, and a repeated one changes nothing', () => {
    const site = study.site('cedar').fork();
    const kept = must(site.handle({ type: 'trust-publication', publication }));
    expect(kept.map(({ type }) => type)).toEqual(['publication-kept']);
    expect(must(site.handle({ type: 'trust-publication', publication }))).toEqual([]);
    const later = { ...publication, bootKey: signerFromSeed(digestOf('later boot')).publicKey };
    const both = must(site.handle({ type: 'trust-publication', publication: later }));
    expect(both.map(({ type }) => type)).toEqual(['boot-key-trusted', 'publication-kept']);
  });
});
