import { createHash, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { azure } from '../../../../lib/attestation/azure/azure.ts';
import { utf8 } from '../../../../lib/core/bytes.ts';
import { AMD_AT, amdAuthority, chipKey, collateralOf, rootsOf, snpReport } from '../../../authorities/amd-authority.ts';

const authority = amdAuthority('genoa');
const leaf = chipKey({ authority });
const collateral = collateralOf(leaf, authority.ask, authority.ark);
const rsa = (modulusLength: number) => generateKeyPairSync('rsa', { modulusLength });
const tpmKey = rsa(2048);
const sha256 = (...parts: readonly Uint8Array[]): Buffer => createHash('sha256').update(Buffer.concat(parts)).digest();

interface Parts {
  readonly keys?: readonly object[];
  readonly signer?: KeyObject;
  readonly reportDataTail?: number;
  readonly vmpl?: number;
  readonly magic?: number;
  readonly type?: number;
  readonly bank?: number;
  readonly selection?: readonly number[];
  readonly registers?: readonly Buffer[];
  readonly nonce?: Buffer;
  readonly dataVersion?: number;
}

const akOf = (key: KeyObject): object => ({ ...key.export({ format: 'jwk' }), kid: 'HCLAkPub' });

/** A machine of a fake Azure on a fake AMD: every signature is real. */
function evidence(parts: Parts = {}): Uint8Array {
  const {
    magic = 0xff544347,
    type = 0x8018,
    bank = 0x0b,
    selection = [0x91, 0, 0x80],
    nonce = Buffer.from('nonce'),
  } = parts;
  const registers = parts.registers ?? [0, 4, 7, 23].map((index) => Buffer.alloc(32, index));
  const variable = Buffer.from(
    JSON.stringify({ keys: parts.keys ?? [akOf(tpmKey.publicKey)], 'vm-configuration': { 'secure-boot': true } }),
  );
  const reportData = Buffer.concat([sha256(variable), Buffer.alloc(32, parts.reportDataTail ?? 0)]);
  const report = snpReport(leaf, { reportData, vmpl: parts.vmpl ?? 0 });
  const header = Buffer.alloc(32);
  header.write('HCLA');
  [1, 32 + 1184 + 20 + variable.length, 2].forEach((value, index) => header.writeUInt32LE(value, 4 + 4 * index));
  const data = Buffer.alloc(20);
  [20 + variable.length, parts.dataVersion ?? 1, 2, 1, variable.length].forEach((value, index) =>
    data.writeUInt32LE(value, 4 * index),
  );
  const u16 = (value: number): Buffer => Buffer.of(value >> 8, value & 0xff);
  const start = Buffer.alloc(4);
  start.writeUInt32BE(magic);
  const message = Buffer.concat([
    ...[start, u16(type), u16(0), u16(nonce.length), nonce, Buffer.alloc(25)],
    ...[Buffer.of(0, 0, 0, 1), u16(bank), Buffer.of(selection.length, ...selection), u16(32), sha256(...registers)],
  ]);
  return utf8(
    JSON.stringify({
      hcl_report: Buffer.concat([header, report, data, variable]).toString('base64url'),
      tpm_quote: {
        message: message.toString('hex'),
        signature: sign('sha256', message, parts.signer ?? tpmKey.privateKey).toString('hex'),
        pcrs: registers.map((value) => value.toString('hex')),
      },
    }),
  );
}

function failures(parts: Parts): string[] {
  const parsed = azure.parse(evidence(parts));
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
const other = rsa(2048);
const small = rsa(1024);
const curve = generateKeyPairSync('ec', { namedCurve: 'P-256' });

describe('Azure evidence of a fake machine', () => {
  it('is authentic, with the registers that were selected', () => {
    expect(failures({})).toEqual([]);
  });

  it.each<[string, Parts, string]>([
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
