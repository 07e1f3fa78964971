import { describe, expect, it } from 'vitest';
import { ENDORSEMENT_LIFETIME_MS, openEndorsement, signEndorsement } from '../../../lib/contract/endorsement.ts';
import { instant, organisationId } from '../../../lib/core/ids.ts';
import { digestOf, organisationSigner, START, testContract } from '../../support/test-contract.ts';
import { outcome } from './outcome.ts';

const HOUR = 3_600_000;
const MINUTE = 60_000;
const sealed = testContract();
const signer = organisationSigner('adler');
const fields = {
  organisation: organisationId('adler'),
  bootKey: organisationSigner('boot').publicKey,
  contract: sealed.digest,
  issued: START,
  expires: instant(START + ENDORSEMENT_LIFETIME_MS),
};
const open = (bytes: Uint8Array, at: number, since?: number): string =>
  outcome(
    openEndorsement(bytes, {
      contract: sealed.contract,
      contractDigest: sealed.digest,
      at: instant(at),
      ...(since === undefined ? {} : { since: instant(since) }),
    }),
  );
const endorse = (change: object): Uint8Array => signEndorsement({ ...fields, ...change }, signer);

describe('PROTOCOL §3: ORG_i vouches for BOOT_i', () => {
  it('from its issue to its expiry', () => {
    const signed = endorse({});
    expect(open(signed, START)).toBe('opened');
    expect(open(signed, START + ENDORSEMENT_LIFETIME_MS - 1)).toBe('opened');
    expect(open(signed, START + ENDORSEMENT_LIFETIME_MS)).toBe('E-ENDORSEMENT: adler: expired');
  });

  it('for a day at most', () => {
    const tooLong = endorse({ expires: instant(START + ENDORSEMENT_LIFETIME_MS + 1) });
    expect(open(tooLong, START)).toBe('E-ENDORSEMENT: adler: valid for more than 24 hours');
  });

  it('not from the future, but for clocks that differ by ten minutes', () => {
    const signed = endorse({});
    expect(open(signed, START - 10 * MINUTE)).toBe('opened');
    expect(open(signed, START - 10 * MINUTE - 1)).toBe('E-ENDORSEMENT: adler: issued in the future');
  });

  it('for one contract and under the key of the contract', () => {
    expect(open(endorse({ contract: digestOf('another') }), START)).toBe('E-ENDORSEMENT: adler: another contract');
    expect(open(signEndorsement(fields, organisationSigner('birch')), START)).toContain('does not verify');
    expect(open(endorse({ organisation: organisationId('birch') }), START)).toContain('does not verify');
    expect(open(endorse({ bootKey: new Uint8Array(31) }), START)).toMatch(/^E-ENDORSEMENT: bootKey/);
  });

  it('for something that was checked on arrival: valid at some moment between `since` and `at`', () => {
    const signed = endorse({ expires: instant(START + HOUR) });
    expect(open(signed, START + 2 * HOUR)).toContain('expired');
    expect(open(signed, START + 2 * HOUR, START + HOUR - 1)).toBe('opened');
    expect(open(signed, START + 2 * HOUR, START + HOUR)).toContain('expired');
    expect(open(endorse({ issued: instant(START + 3 * HOUR) }), START + 2 * HOUR, START)).toContain('in the future');
  });
});
