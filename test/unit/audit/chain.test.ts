import { describe, expect, it } from 'vitest';
import { follow, headOfChain, isOnChain, type Chain } from '../../../lib/audit/chain.ts';
import {
  headOf,
  issueStatement,
  narrowStatement,
  openStatement,
  type SignedStatement,
} from '../../../lib/audit/statement.ts';
import { signDocument } from '../../../lib/contract/signed-document.ts';
import type { Head } from '../../../lib/contract/shapes.ts';
import { toHex } from '../../../lib/core/bytes.ts';
import { must } from '../../support/study-in-memory.ts';
import { digestOf, organisationSigner, START } from '../../support/test-contract.ts';

const signer = organisationSigner('enclave boot');
const contract = digestOf('contract');
const model = digestOf('initial model');
const genesis = issueStatement(
  { type: 'genesis', contract, at: START, noiseRoot: digestOf('root'), model, predecessor: null },
  null,
  signer,
);
const abortAfter = (after: Head | null, attempt = 1): SignedStatement =>
  issueStatement(
    { type: 'abort', contract, at: START, round: 1, attempt, parent: model, code: 'E-ROUND-STOPPED' },
    after,
    signer,
  );
const second = abortAfter(headOf(genesis));
const third = abortAfter(headOf(second), 2);
const chain: Chain = [genesis.digest, second.digest];
const refusalOf = (statement: SignedStatement, on: Chain = chain): string => {
  const followed = follow(on, statement);
  return followed.ok ? 'followed' : `${followed.error.code}: ${followed.error.detail}`;
};

describe('PROTOCOL §7: the statement chain', () => {
  it('grows by statements that link from the head', () => {
    let grown: Chain = [];
    for (const statement of [genesis, second, third]) {
      const followed = must(follow(grown, statement));
      expect(followed.repeated).toBe(false);
      grown = followed.chain;
      expect(headOfChain(grown)).toEqual(headOf(statement));
    }
    expect(grown.map(toHex)).toEqual([genesis, second, third].map(({ digest }) => toHex(digest)));
  });

  it('does not change by repeats of any age', () => {
    for (const statement of [genesis, second])
      expect(must(follow(chain, statement))).toEqual({ chain, repeated: true });
  });

  it('refuses a fork: another statement at a place it knows', () => {
    expect(refusalOf(abortAfter(headOf(genesis), 9))).toBe(
      'E-STATEMENT-CHAIN: statement 1: two statements for one place',
    );
    const otherGenesis = issueStatement(
      { type: 'genesis', contract, at: START, noiseRoot: digestOf('other'), model, predecessor: null },
      null,
      signer,
    );
    expect(refusalOf(otherGenesis)).toContain('two statements for one place');
  });

  it('refuses a gap, however far the counter runs ahead', () => {
    expect(refusalOf(abortAfter(headOf(third)))).toBe('E-STATEMENT-CHAIN: statement 3: a gap after 1');
    expect(refusalOf(abortAfter({ counter: 10 ** 9, digest: second.digest }))).toContain('a gap after 1');
    expect(refusalOf(second, [])).toContain('a gap after -1');
  });

  it('refuses the right place behind another predecessor', () => {
    expect(refusalOf(abortAfter({ counter: 1, digest: digestOf('fork') }))).toBe(
      'E-STATEMENT-CHAIN: statement 2: it names another predecessor',
    );
    expect(refusalOf(forged({ counter: 2, previous: null }))).toContain('it names another predecessor');
    expect(refusalOf(forged({ counter: 0, previous: digestOf('earlier') }), [])).toContain(
      'it names another predecessor',
    );
  });

  it('begins with genesis and holds no other', () => {
    expect(refusalOf(abortAfter(null), [])).toContain('genesis stands first and only there');
    const late = issueStatement(
      { type: 'genesis', contract, at: START, noiseRoot: digestOf('root'), model, predecessor: null },
      headOf(second),
      signer,
    );
    expect(refusalOf(late)).toContain('genesis stands first and only there');
  });

  it('knows the heads that lie on it', () => {
    expect(headOfChain([])).toBe(null);
    expect(isOnChain(chain, null)).toBe(true);
    expect(isOnChain(chain, headOf(genesis))).toBe(true);
    expect(isOnChain(chain, headOf(second))).toBe(true);
    expect(isOnChain(chain, headOf(third))).toBe(false);
    expect(isOnChain(chain, { counter: 10 ** 9, digest: second.digest })).toBe(false);
    expect(isOnChain(chain, { counter: 0, digest: second.digest })).toBe(false);
  });
});

describe('statements', () => {
  it('carry counter and predecessor of their place, and their digest is over the signed body', () => {
    expect(second.statement).toMatchObject({ counter: 1, previous: genesis.digest, bootKey: signer.publicKey });
    expect(genesis.statement).toMatchObject({ counter: 0, previous: null });
    expect(must(openStatement(second.bytes))).toEqual(second);
    expect(toHex(abortAfter(headOf(genesis)).digest)).toBe(toHex(second.digest));
  });

  it('narrow to their own type only', () => {
    expect(narrowStatement(second, 'abort').statement.code).toBe('E-ROUND-STOPPED');
    expect(() => narrowStatement(second, 'release')).toThrow('expected a release, got a abort');
  });

  it.each([
    ['a negative counter', { counter: -1 }],
    ['an unknown type', { type: 'amend' }],
    ['an unknown code', { code: 'E-NOTHING' }],
    ['a code that every object has', { code: 'toString' }],
    ['round 0', { round: 0 }],
    ['an unknown field', { note: 'x' }],
    ['another format', { format: 'consilium/statement/v2' }],
    ['a key that did not sign', { bootKey: organisationSigner('other').publicKey }],
  ])('are refused with %s', (_, change) => {
    const opened = openStatement(signDocument('statement', { ...second.statement, ...change }, signer));
    expect(opened.ok ? 'opened' : opened.error.code).toBe('E-STATEMENT-SIGNATURE');
  });
});

function forged(change: object): SignedStatement {
  return must(openStatement(signDocument('statement', { ...second.statement, ...change }, signer)));
}
