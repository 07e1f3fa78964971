import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { openAcknowledgement, signAcknowledgement } from '../../../lib/audit/acknowledgement.ts';
import { openCommit, signCommit } from '../../../lib/audit/commit.ts';
import { openStatement } from '../../../lib/audit/statement.ts';
import { openApproval, openWithdrawal, signWithdrawal } from '../../../lib/contract/approval.ts';
import { openEndorsement, signEndorsement } from '../../../lib/contract/endorsement.ts';
import { openDocument, signDocument } from '../../../lib/contract/signed-document.ts';
import { encodeCbor } from '../../../lib/core/cbor.ts';
import type { Refusal } from '../../../lib/core/errors.ts';
import { instant, organisationId } from '../../../lib/core/ids.ts';
import type { Result } from '../../../lib/core/result.ts';
import { MemoryEnclave } from '../../support/study-in-memory.ts';
import {
  DAY_MS,
  digestOf,
  organisationSigner,
  START,
  testApproval,
  testContract,
} from '../../support/test-contract.ts';
import { outcome } from './outcome.ts';

const sealed = testContract();
const organisation = organisationId('adler');
const owner = organisationSigner('adler');
const boot = organisationSigner('boot of adler');
const enclave = new MemoryEnclave(sealed);
enclave.begin();
const genesis = enclave.statements()[0]?.bytes ?? new Uint8Array();

/** Every kind of signed document, with the function that opens it. */
const KINDS: readonly (readonly [string, Uint8Array, (bytes: Uint8Array) => Result<unknown, Refusal>])[] = [
  ['approval', testApproval(sealed, organisation), (bytes) => openApproval(bytes, { sealed, at: START })],
  [
    'withdrawal',
    signWithdrawal({ contract: sealed.digest, organisation, at: START }, owner),
    (bytes) => openWithdrawal(bytes, { contract: sealed.contract, contractDigest: sealed.digest }),
  ],
  [
    'endorsement',
    signEndorsement(
      {
        organisation,
        bootKey: boot.publicKey,
        contract: sealed.digest,
        issued: START,
        expires: instant(START + DAY_MS),
      },
      owner,
    ),
    (bytes) => openEndorsement(bytes, { contract: sealed.contract, contractDigest: sealed.digest, at: START }),
  ],
  [
    'commit',
    signCommit(
      {
        contract: sealed.digest,
        manifest: digestOf('manifest'),
        organisation,
        head: { counter: 1, digest: digestOf('manifest') },
        minimum: 3,
        requireCoParticipants: [],
        at: START,
        collateral: { crlNumber: 0, tcbEvaluation: 0 },
      },
      boot,
    ),
    openCommit,
  ],
  [
    'acknowledgement',
    signAcknowledgement({ contract: sealed.digest, intent: digestOf('intent'), organisation, at: START }, boot),
    openAcknowledgement,
  ],
  ['statement', genesis, openStatement],
];

describe('PROTOCOL §2: signed documents', () => {
  it.each(KINDS)('%s: opens as signed; any flipped bit is refused', (_, bytes, open) => {
    expect(outcome(open(bytes))).toBe('opened');
    fc.assert(
      fc.property(fc.nat({ max: bytes.length * 8 - 1 }), (bit) => {
        const flipped = bytes.map((byte, index) => (index === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte));
        expect(outcome(open(flipped))).toMatch(/^E-/);
      }),
      { numRuns: 60, examples: [[0], [bytes.length * 8 - 1]] },
    );
  });

  it.each(KINDS)('%s: cut, extended, empty or random bytes are refused', (_, bytes, open) => {
    expect(outcome(open(bytes.subarray(0, -1)))).toMatch(/^E-/);
    expect(outcome(open(Uint8Array.of(...bytes, 0)))).toMatch(/^E-/);
    expect(outcome(open(new Uint8Array()))).toMatch(/^E-/);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
        expect(outcome(open(noise))).toMatch(/^E-/);
      }),
      { numRuns: 50 },
    );
  });

  it.each(KINDS)('%s: opens as nothing else', (name, bytes) => {
    for (const [other, , open] of KINDS) if (other !== name) expect(outcome(open(bytes)), other).toMatch(/^E-/);
  });
});

describe('the envelope', () => {
  const schema = z.strictObject({ format: z.literal('x'), n: z.number() });
  const options = { domain: 'seed', schema, signedBy: () => owner.publicKey, code: 'E-MESSAGE-INVALID' } as const;
  const signed = signDocument('seed', { format: 'x', n: 1 }, owner);

  it('gives the document, the signed body and the bytes as received', () => {
    const opened = openDocument(signed, options);
    if (!opened.ok) throw new Error(opened.error.detail);
    expect(opened.value.document).toEqual({ format: 'x', n: 1 });
    expect(opened.value.body).toEqual(encodeCbor({ format: 'x', n: 1 }));
    expect(opened.value.bytes).toBe(signed);
  });

  it('refuses another domain, another key, an empty key and a body that is not deterministic', () => {
    expect(outcome(openDocument(signed, { ...options, domain: 'update' }))).toContain('does not verify');
    expect(outcome(openDocument(signed, { ...options, signedBy: () => boot.publicKey }))).toContain('does not verify');
    expect(outcome(openDocument(signed, { ...options, signedBy: () => new Uint8Array() }))).toContain(
      'does not verify',
    );
    // Keys in the wrong order, signed all the same.
    const body = Uint8Array.from(Buffer.from('a266666f726d61746178616e01', 'hex'));
    const envelope = encodeCbor({ body, signature: owner.sign('seed', body) });
    expect(outcome(openDocument(envelope, options))).toContain('not-deterministic');
  });

  it('refuses a field more or a field less in document and envelope', () => {
    expect(outcome(openDocument(signDocument('seed', { format: 'x', n: 1, m: 2 }, owner), options))).toMatch(/^E-/);
    expect(outcome(openDocument(signDocument('seed', { format: 'x' }, owner), options))).toMatch(/^E-.*n: /);
    const body = encodeCbor({ format: 'x', n: 1 });
    expect(outcome(openDocument(encodeCbor({ body }), options))).toMatch(/^E-.*signature/);
    const extended = encodeCbor({ body, signature: owner.sign('seed', body), by: 'adler' });
    expect(outcome(openDocument(extended, options))).toMatch(/^E-/);
  });

  it('does not repeat a value in its refusal', () => {
    const secret = 'patient-4711';
    const refused = outcome(openDocument(signDocument('seed', { format: secret, n: secret }, owner), options));
    expect(refused).toMatch(/^E-MESSAGE-INVALID/);
    expect(refused).not.toContain(secret);
  });
});
