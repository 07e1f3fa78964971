import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { azure } from '../../../../lib/attestation/azure/azure.ts';
import { AMD_AT, amdAuthority, chipKey, collateralOf, rootsOf } from '../../../authorities/amd-authority.ts';
import { akOf, azureEvidence, newTpmKey, type AzureParts } from '../../../authorities/azure-authority.ts';

const authority = amdAuthority('genoa');
const leaf = chipKey({ authority });
const collateral = collateralOf(leaf, authority.ask, authority.ark);
const tpmKey = newTpmKey();

function failures(parts: AzureParts): string[] {
  const parsed = azure.parse(azureEvidence(leaf, tpmKey, parts));
  if (!parsed.ok) return [`${parsed.error.code} parse`];
  const inputs = { at: AMD_AT, roots: rootsOf(authority), collateral, revocation: 'accept-absent' } as const;
  const { checks, claims } = azure.authenticate(parsed.value, inputs);
  const failed = checks.filter(({ passed }) => !passed).map(({ code, name }) => `${code} ${name}`);
  expect(claims === null).toBe(failed.length > 0);
  if (claims !== null) {
    expect([...claims.pcrs.keys()]).toEqual([0, 4, 7, 23]);
    expect(claims.measurements['PCR23']).toBe('17'.repeat(32));
  }
  return failed;
}

const PARSE = 'E-ATTEST-MALFORMED parse';
const KEY = 'E-ATTEST-SIGNATURE TPM quote signature';
const other = newTpmKey();
const small = newTpmKey(1024);
const curve = generateKeyPairSync('ec', { namedCurve: 'P-256' });

describe('Azure evidence of a fake machine', () => {
  it('is authentic, with the registers that were selected', () => {
    expect(failures({})).toEqual([]);
  });

  it.each<[string, AzureParts, string]>([
    ['a report that another level asked for', { vmpl: 2 }, 'E-ATTEST-MISMATCH paravisor'],
    ['report data that does not end in zeros', { reportDataTail: 1 }, 'E-ATTEST-MISMATCH variable data'],
    ['a structure that was not made in a TPM', { magic: 0xff544348 }, PARSE],
    ['a structure that is no quote', { type: 0x8017 }, PARSE],
    ['registers of another bank', { bank: 0x04 }, PARSE],
    ['registers above 23', { selection: [0x91, 0, 0x80, 0] }, PARSE],
    ['fewer registers than selected', { registers: [Buffer.alloc(32)] }, PARSE],
    ['a nonce of 65 bytes', { nonce: Buffer.alloc(65) }, PARSE],
    ['variable data of another version', { dataVersion: 2 }, PARSE],
    ['another signer', { signer: other.privateKey }, KEY],
    ['no attestation key', { keys: [] }, KEY],
    ['a key of another name', { keys: [{ ...akOf(tpmKey.publicKey), kid: 'HCLEkPub' }] }, KEY],
    ['two attestation keys', { keys: [akOf(tpmKey.publicKey), akOf(other.publicKey)] }, KEY],
    ['a key of 1024 bits', { keys: [akOf(small.publicKey)], signer: small.privateKey }, KEY],
    ['a key on a curve', { keys: [akOf(curve.publicKey)], signer: curve.privateKey }, KEY],
    ['a key that cannot be read', { keys: [{ kid: 'HCLAkPub', kty: 'RSA', n: '', e: '' }] }, KEY],
  ])('is refused for %s', (_, parts, want) => {
    expect(failures(parts)).toEqual([want]);
  });
});
